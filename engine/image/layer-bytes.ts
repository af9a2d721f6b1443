/** A layer of the store as the tar that it came as: from its frame and its files, proven by its digest at the end. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { TcomposeError } from '../../src/model/errors.ts';
import { layerDir, type Paths } from '../state/paths.ts';
import { outputOf } from './child-output.ts';
import { readLayer } from './layers.ts';
import { FRAME, REPLACED } from './unpack-layer.ts';

export interface LayerSource {
  readonly paths: Paths;
  readonly launcher: string;
  /** A folder as the tar of a layer, the same bytes for the same folder: how layers are made here that came as no tar. */
  readonly pack: (folder: string) => AsyncIterable<Buffer>;
}

/** Exactly the bytes that `diffId` is the digest of, or an error at the latest at their end. */
export async function* layerBytes(source: LayerSource, diffId: string): AsyncGenerator<Buffer> {
  const folder = layerDir(source.paths, diffId);
  const hash = createHash('sha256');
  const bytes = existsSync(join(folder, FRAME)) ? woven(source.launcher, folder) : source.pack(join(folder, 'fs'));
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
  if (`sha256:${hash.digest('hex')}` !== diffId) throw notTheSame(diffId);
}

/** Without reading it, where that is known. */
export const layerTarBytes = async (source: LayerSource, diffId: string): Promise<number> => {
  const known = readLayer(source.paths, diffId)?.tarBytes;
  if (known !== undefined) return known;
  let bytes = 0;
  for await (const chunk of layerBytes(source, diffId)) bytes += chunk.length;
  return bytes;
};

async function* woven(launcher: string, folder: string): AsyncGenerator<Buffer> {
  const child = spawn(launcher, ['weave', join(folder, 'fs'), join(folder, REPLACED)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {},
  });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => {
    words += chunk.toString('latin1');
  });
  const exit = once(child, 'close').then(([code]) => code as number | null);
  const fed = pipeline(createReadStream(join(folder, FRAME)), createGunzip(), child.stdin).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? undefined : error),
  );
  yield* outputOf(child);
  const cause = await fed;
  if ((await exit) === 0 && cause === undefined) return;
  throw new TcomposeError(`a layer cannot be read back from the image store: ${folder} (${words || cause?.message})`, {
    code: 'store-damaged',
    help: 'remove the image by its names and get it again',
    cause,
  });
}

const notTheSame = (diffId: string): TcomposeError =>
  new TcomposeError(`the layer ${diffId} is not the one that it was when it was unpacked`, {
    code: 'store-damaged',
    help: 'remove the image by its names and get it again: an older tcompose unpacked it, or somebody changed it',
  });
