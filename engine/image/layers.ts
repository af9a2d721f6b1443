/** Unpacked layers on disk: named by diff id, complete from the moment they have their name, reached through short links. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readlink, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { currentBoot } from '../state/boot.ts';
import { readRecord, writeWhole } from '../state/files.ts';
import { imagesDir, layerDir, type Paths } from '../state/paths.ts';

const LAYER_VERSION = 1;

export interface LayerRecord {
  readonly version: number;
  readonly diffId: string;
  readonly sizeBytes: number;
  /** Name of the link in layers/l. */
  readonly link: string;
  /** Boot in which it was unpacked: until an image names it, a power cut may have taken what was not yet on the disk. */
  readonly boot: string;
  /** Of its tar, where that can be put together again from `frame.gz` (frame.ts). */
  readonly tarBytes?: number;
}

export const layersDir = (paths: Paths): string => join(imagesDir(paths), 'layers');
export const linkPath = (paths: Paths, link: string): string => join(layersDir(paths), 'l', link);

export const readLayer = (paths: Paths, diffId: string): LayerRecord | undefined =>
  readRecord<LayerRecord>(join(layerDir(paths, diffId), 'layer.json'), LAYER_VERSION);

/** `committed`: layers of images. Others count only in the boot they were unpacked in. */
export const isUsableLayer = (paths: Paths, diffId: string, committed: ReadonlySet<string>): boolean => {
  const layer = readLayer(paths, diffId);
  return layer !== undefined && (committed.has(diffId) || layer.boot === currentBoot());
};

/** A short name of the layer's digest: longer where another layer has that already. */
const makeLink = async (paths: Paths, diffId: string): Promise<string> => {
  const hex = diffId.slice('sha256:'.length);
  const target = `../${hex}/fs`;
  await mkdir(join(layersDir(paths), 'l'), { recursive: true, mode: 0o700 });
  for (let length = 10; length <= hex.length; length++) {
    const link = hex.slice(0, length);
    const path = linkPath(paths, link);
    const error = await symlink(target, path).catch((reason: NodeJS.ErrnoException) => reason);
    if (error === undefined || (error.code === 'EEXIST' && (await readlink(path)) === target)) return link;
    if (error.code !== 'EEXIST') throw error;
  }
  throw new Error(`this is a bug in tcompose: two layers called ${diffId}`);
};

export interface Unpacked {
  /** Holds `fs`; goes away. */
  readonly folder: string;
  readonly diffId: string;
  readonly sizeBytes: number;
  /** Absent: `folder` has no frame of its tar. */
  readonly tarBytes?: number;
}

/** Gives a complete layer its name. When another process was first, its layer stays and ours is left where it is. */
export const publishLayer = async (paths: Paths, layer: Unpacked, committed: ReadonlySet<string>): Promise<void> => {
  const { folder, diffId, sizeBytes, tarBytes } = layer;
  const final = layerDir(paths, diffId);
  const record: LayerRecord = {
    version: LAYER_VERSION,
    diffId,
    sizeBytes,
    link: await makeLink(paths, diffId),
    boot: currentBoot(),
    ...(tarBytes !== undefined && { tarBytes }),
  };
  await writeWhole(join(folder, 'layer.json'), `${JSON.stringify(record)}\n`, { durable: false });
  try {
    await rename(folder, final);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    if (isUsableLayer(paths, diffId, committed)) return;
    // What a power cut has left: out of the way, to be swept.
    await rename(final, join(imagesDir(paths), 'partial', `broken-${randomBytes(6).toString('hex')}`));
    await rename(folder, final);
  }
};

export const syncLayers = async (paths: Paths): Promise<void> => {
  await promisify(execFile)('sync', ['-f', layersDir(paths)]);
};
