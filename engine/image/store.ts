/**
 * The store on disk: blobs, tags and unpacked layers (engine/state/paths.ts draws it).
 *
 * Races: whoever adds images works in a folder of partial/ named by its process. While any such process lives, nothing unused is
 * removed, so a layer that was seen stays; the last one to leave sweeps. The folder's lock is held only to begin, to commit and to sweep.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import { withFolderLock } from '../state/file-lock.ts';
import { makeFolder, readRecord, syncFolderOf, writeRecord, writeWhole } from '../state/files.ts';
import { imagesDir, type Paths } from '../state/paths.ts';
import { startTimeOf } from '../state/process.ts';
import { publishLayer, syncLayers, type Unpacked } from './layers.ts';

const STORE_VERSION = 1;

export interface ImageEntry {
  readonly addedAt: string;
  /** When a registry last said that this is what a name of it means. */
  readonly pulledAt?: string;
  readonly layers: readonly string[];
  /** Manifests it came with. */
  readonly manifests: readonly string[];
}

/** tags.json: which images there are, and what they are called. */
export interface Catalogue {
  readonly version: number;
  /** Full reference, with a tag or a digest → image id. */
  readonly tags: Readonly<Record<string, string>>;
  readonly images: Readonly<Record<string, ImageEntry>>;
}

export const hexOf = (digest: string): string => digest.slice('sha256:'.length);

export const partialDir = (paths: Paths): string => join(imagesDir(paths), 'partial');
export const blobPath = (paths: Paths, digest: string): string =>
  join(imagesDir(paths), 'blobs', 'sha256', hexOf(digest));
const cataloguePath = (paths: Paths): string => join(imagesDir(paths), 'tags.json');

export const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export const readCatalogue = (paths: Paths): Catalogue =>
  readRecord<Catalogue>(cataloguePath(paths), STORE_VERSION) ?? { version: STORE_VERSION, tags: {}, images: {} };

/** Layers of images: those are whole, and on the disk. */
export const committedLayers = (catalogue: Catalogue): ReadonlySet<string> =>
  new Set(Object.values(catalogue.images).flatMap((image) => image.layers));

/** Only under the store's lock. */
export const writeCatalogue = async (paths: Paths, catalogue: Catalogue): Promise<void> => {
  await writeRecord(cataloguePath(paths), catalogue);
  await syncFolderOf(cataloguePath(paths));
};

export const withStoreLock = async <T>(paths: Paths, work: () => Promise<T>): Promise<T> => {
  makeFolder(imagesDir(paths));
  return withFolderLock(imagesDir(paths), work);
};

export const writeBlob = async (paths: Paths, bytes: Buffer): Promise<string> => {
  const digest = digestOf(bytes);
  await mkdir(join(imagesDir(paths), 'blobs', 'sha256'), { recursive: true, mode: 0o700 });
  await writeWhole(blobPath(paths, digest), bytes, { durable: true });
  return digest;
};

/** Content is believed only as far as its name says so: a damaged disk must not become a strange container. */
export const readBlob = async (paths: Paths, digest: string): Promise<Buffer> => {
  const bytes = await readFile(blobPath(paths, digest)).catch((cause: unknown) => {
    throw new TcomposeError(`${digest} is missing in the image store`, {
      code: 'store-damaged',
      help: 'remove the image by its name and load it again',
      cause,
    });
  });
  if (digestOf(bytes) === digest) return bytes;
  throw new TcomposeError(`${digest} is damaged in the image store`, {
    code: 'store-damaged',
    help: 'check the disk, then remove the image by its name and load it again',
  });
};

/** Unfinished work of this process, and where it is kept. */
export interface Work {
  readonly folder: string;
  /** Gives a complete folder (with `fs` in it) its name. When another process was first, its layer stays and ours goes. */
  publishLayer(layer: Unpacked): Promise<void>;
}

/** `PID-STARTTIME-RANDOM`: who works there, so that what a dead process left can be told from what is being made. */
const workName = (): string => `${process.pid}-${startTimeOf(process.pid)}-${randomBytes(4).toString('hex')}`;

/** Makes the folder of unfinished work; `endWork` (sweep.ts) must follow. */
export const beginWork = (paths: Paths): Promise<Work> =>
  withStoreLock(paths, async () => {
    const folder = join(partialDir(paths), workName());
    makeFolder(folder);
    return {
      folder,
      publishLayer: (layer) => publishLayer(paths, layer, committedLayers(readCatalogue(paths))),
    };
  });

export interface NewImage {
  readonly id: string;
  readonly layers: readonly string[];
  readonly manifests: readonly string[];
  /** Full references; those that meant something else mean this from now on. */
  readonly tags: readonly string[];
  readonly isPulled?: boolean;
}

/**
 * Makes images known, all at once. Their blobs and layers are there, and new layers reach the disk before their names do: with one
 * call for all, since it waits for everything that is being written to that file system.
 */
export const commitImages = async (paths: Paths, added: readonly NewImage[]): Promise<void> => {
  const known = committedLayers(readCatalogue(paths));
  if (added.some((image) => image.layers.some((diffId) => !known.has(diffId)))) await syncLayers(paths);
  await withStoreLock(paths, async () => {
    const { tags, images } = readCatalogue(paths);
    const newTags: Record<string, string> = { ...tags };
    const newImages: Record<string, ImageEntry> = { ...images };
    for (const image of added) {
      const known = newImages[image.id];
      const manifests = [...new Set([...(known?.manifests ?? []), ...image.manifests])];
      const now = new Date().toISOString();
      const pulledAt = image.isPulled ? now : known?.pulledAt;
      const addedAt = known?.addedAt ?? now;
      newImages[image.id] = { addedAt, ...(pulledAt && { pulledAt }), layers: image.layers, manifests };
      for (const tag of image.tags) newTags[tag] = image.id;
    }
    await writeCatalogue(paths, { version: STORE_VERSION, tags: newTags, images: newImages });
  });
};

export const listFolder = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
