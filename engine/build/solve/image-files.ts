/** The merged files of an image: as a tar archive, or put into a folder of the host (`build --output`). */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { TcomposeError } from '../../../src/model/errors.ts';
import { transfer } from '../../files/copy.ts';
import { packTree, unpackTree } from '../../files/file-program.ts';
import { hostReach } from '../../files/host-side.ts';
import type { PackedFile, RecordStream } from '../../files/record-stream.ts';
import { writeTar } from '../../files/tar-writer.ts';
import type { Host } from '../../host.ts';
import { beginWork } from '../../image/store.ts';
import { endWork } from '../../image/sweep.ts';
import { UNPACK } from '../../launcher/ops.ts';
import { layerFolders, reachLayers } from './layers.ts';

/** Layers stay in the store until `done` is called; it must be. */
async function open(host: Host, ref: string): Promise<{ files: RecordStream; done: () => Promise<void> }> {
  const { paths } = host;
  const image = await (await host.images()).find(ref);
  if (image === undefined)
    throw new TcomposeError(`there is no image ${ref}`, { code: 'image-missing', address: `image/${ref}` });
  const work = await beginWork(paths);
  const [on, empty] = [join(work.folder, 'on'), join(work.folder, 'empty')];
  for (const folder of [on, empty]) mkdirSync(folder, { mode: 0o755 });
  const done = () => endWork(paths, work, 'done');
  try {
    return { files: await packTree(host, reachLayers(layerFolders(paths, image.layers), { on, empty }), '/'), done };
  } catch (error) {
    await done();
    throw error;
  }
}

export async function imageTar(host: Host, ref: string): Promise<NodeJS.ReadableStream> {
  const { files, done } = await open(host, ref);
  return Readable.from(archive(files, done), { objectMode: false });
}

async function* archive(files: RecordStream, done: () => Promise<void>): AsyncGenerator<Uint8Array> {
  try {
    yield* writeTar(members(files), { sparse: false });
  } finally {
    await files.close();
    await done();
  }
}

/** The root itself has no name that an archive could give it. */
async function* members(files: RecordStream): AsyncGenerator<PackedFile> {
  for await (const file of files) if (file.path !== '') yield file;
}

/**
 * All belongs to who asks, as with BuildKit's local exporter. What is in the folder and not in the image stays; a folder and a file of one
 * name are an error.
 */
export async function imageFolder(host: Host, ref: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const { files, done } = await open(host, ref);
  try {
    const flags = UNPACK.KEEP_KINDS | UNPACK.CALLER_OWNS | UNPACK.CROSS_MOUNTS;
    await transfer(files, await unpackTree(host, hostReach(folder), flags), { top: '', base: '', where: folder });
  } finally {
    await done();
  }
}
