/**
 * What has arrived of a large layer, beside its way into the store: whoever pulls it next after an interruption goes on from there. It is
 * believed no more than the network is: the digest is proven over all of it. Held under the layer's lock; swept when it is a day old.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Paths } from '../state/paths.ts';
import type { Descriptor } from './manifest.ts';
import { hexOf, partialDir } from './store.ts';

/** Less is asked for again in a moment. */
const WORTH_BYTES = 4 << 20;

export const PART = '.part';

const partFile = (paths: Paths, { digest }: Pick<Descriptor, 'digest'>): string =>
  join(partialDir(paths), `${hexOf(digest)}${PART}`);

export const dropPart = (paths: Paths, layer: Pick<Descriptor, 'digest'>): Promise<void> =>
  rm(partFile(paths, layer), { force: true });

/** `stream` gives the rest from a byte on. `onKept` hears how much was there. */
export async function* keepingPart(
  paths: Paths,
  layer: Descriptor,
  stream: (from: number) => AsyncIterable<Uint8Array>,
  onKept: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  if (layer.size < WORTH_BYTES || !(await hasRoom(paths, layer.size))) return yield* stream(0);
  const file = partFile(paths, layer);
  const part = await open(file, 'a', 0o600);
  let writing: Promise<unknown> = Promise.resolve();
  let keeps = true;
  try {
    const kept = await sizeOf(part, layer.size);
    onKept(kept);
    if (kept > 0) yield* createReadStream(file, { end: kept - 1, highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>;
    for await (const chunk of stream(kept)) {
      // Where the disk is nearly full the layer itself comes first: nothing is kept beside it.
      if (keeps && (await writing.then(isWell, isLost))) {
        writing = part.write(chunk);
        writing.catch(() => undefined); // looked at before the next
      } else if (keeps) {
        keeps = false;
        writing = part.truncate(0).catch(() => undefined);
      }
      yield chunk;
    }
  } finally {
    await writing.catch(() => undefined);
    await part.close();
  }
}

/** The layer itself comes first, and takes several times what its packed form does. */
const hasRoom = async (paths: Paths, bytes: number): Promise<boolean> => {
  const { bavail, bsize } = await statfs(partialDir(paths));
  return bavail * bsize > 8 * bytes;
};

const isWell = (): boolean => true;
const isLost = (): boolean => false;

const sizeOf = async (part: FileHandle, most: number): Promise<number> => {
  const { size } = await part.stat();
  if (size <= most) return size;
  await part.truncate(0);
  return 0;
};
