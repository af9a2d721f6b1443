/** One layer's tar, compressed or not, into a folder: streaming, hashed on the way, nothing kept in memory. */
import { createHash, type Hash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import { startUnpacker, type Unpacker, UnpackFailure } from '../launcher/unpack.ts';
import { ByteReader } from './byte-reader.ts';
import { decompress } from './decompress.ts';
import { type FrameWriter, startFrame } from './frame.ts';
import { toUnpackRecord } from './layer-entry.ts';
import { TarError } from './tar-header.ts';
import { readTar } from './tar-reader.ts';

export interface UnpackedLayer {
  /** Digest of the bytes as they came, compressed perhaps. */
  readonly digest: string;
  /** Digest of the plain tar: the layer's name. */
  readonly diffId: string;
  /** Of its files, hard links once. */
  readonly sizeBytes: number;
  /** False: the archive just stopped where an entry might have begun. */
  readonly isEndMarked: boolean;
  /** Of the plain tar. */
  readonly tarBytes: number;
}

async function* hashed(
  source: AsyncIterable<Uint8Array>,
  hash: Hash,
  onBytes?: (count: number) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    hash.update(chunk);
    onBytes?.(chunk.byteLength);
    yield chunk as Buffer;
  }
}

const unpackEntries = async (
  reader: ByteReader,
  unpacker: Unpacker,
  frame: FrameWriter,
): Promise<{ sizeBytes: number; isEndMarked: boolean }> => {
  const entries = readTar(reader);
  const keep = (bytes: Buffer) => frame.raw(bytes);
  reader.onTaken = keep;
  let sizeBytes = 0;
  for (;;) {
    const next = await entries.next();
    if (next.done === true) return { sizeBytes, isEndMarked: next.value };
    const record = toUnpackRecord(next.value);
    if (record === undefined) continue;
    const wait = unpacker.put(record);
    if (wait !== undefined) await wait;
    await frame.settled();
    if (record.stored === 0) continue;
    sizeBytes += record.stored;
    const parts = record.segments.length > 0 ? record.segments : [[0, record.stored] as const];
    for (const [index, [offset, bytes]] of parts.filter(([, bytes]) => bytes > 0).entries())
      frame.content(record.path, offset, bytes, index > 0);
    reader.onTaken = undefined;
    for await (const part of next.value.data()) {
      const full = unpacker.data(part);
      if (full !== undefined) await full;
    }
    reader.onTaken = keep;
  }
};

const diskFull = (cause: unknown): TcomposeError =>
  new TcomposeError('no space left on the disk of the image store', {
    code: 'disk-full',
    help: 'free some space (tcompose image rm, df -h), then run it again: nothing of it was kept',
    cause,
  });

/** Any failure on the way as one error that names `what`. */
export const explainUnpacking = (error: unknown, what: string): unknown => {
  if (error instanceof TarError) {
    return new TcomposeError(`${what} is not a valid tar archive: ${error.message}`, {
      code: 'image-corrupt',
      help: 'get the file again, and compare its checksum',
      cause: error,
    });
  }
  if ((error as NodeJS.ErrnoException)?.code === 'ENOSPC') return diskFull(error);
  if (!(error instanceof UnpackFailure)) return error;
  if (error.errno === 'ENOSPC' || error.errno === 'EDQUOT') return diskFull(error);
  const path = JSON.stringify(error.path);
  if (error.step === 'link' && error.errno === 'ENOENT') {
    return new TcomposeError(`${what} has a hard link to something that it does not contain: ${path}`, {
      code: 'image-corrupt',
      cause: error,
    });
  }
  return new TcomposeError(`cannot unpack ${path} of ${what}: ${error.step} failed with ${error.errno}`, {
    code: 'unpack-failed',
    cause: error,
  });
};

/** Beside the layer's `fs`. */
export const FRAME = 'frame.gz';
/** Beside it, where the archive has a file twice: contents that are in the archive and not in the layer (unpack_kept.c). */
export const REPLACED = 'replaced';

/** Makes `folder` and fills it, and what the tar has beside it (frame.ts). On failure the caller removes what is there. */
export const unpackLayer = async (
  source: AsyncIterable<Uint8Array>,
  folder: string,
  options: { readonly launcher: string; readonly what: string; readonly onBytes?: (count: number) => void },
): Promise<UnpackedLayer> => {
  const asCame = createHash('sha256');
  const asTar = createHash('sha256');
  const outer = new ByteReader(source);
  let unpacker: Unpacker | undefined;
  let frame: FrameWriter | undefined;
  try {
    await mkdir(folder, { mode: 0o755 });
    const counted = new ByteReader(hashed(outer.rest(), asCame, options.onBytes));
    const { compression, bytes } = await decompress(counted);
    const reader = new ByteReader(compression === 'none' ? bytes : hashed(bytes, asTar));
    unpacker = startUnpacker(options.launcher, folder, join(dirname(folder), REPLACED));
    frame = startFrame(join(dirname(folder), FRAME));
    const unpacked = await unpackEntries(reader, unpacker, frame);
    while ((await reader.some(1 << 20)).length > 0) await frame.settled(); // padding belongs to the digest
    await unpacker.finish();
    const tarBytes = await frame.finish();
    const digest = `sha256:${asCame.digest('hex')}`;
    return { digest, diffId: compression === 'none' ? digest : `sha256:${asTar.digest('hex')}`, ...unpacked, tarBytes };
  } catch (error) {
    await unpacker?.abort();
    await frame?.abort();
    await outer.close().catch(() => undefined);
    throw explainUnpacking(error, options.what);
  }
};
