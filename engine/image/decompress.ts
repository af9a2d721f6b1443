/** Any stream of bytes as what it was before compression: told by its first bytes, never by its name or media type. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { TcomposeError } from '../../src/model/errors.ts';
import type { ByteReader } from './byte-reader.ts';
import { outputOf } from './child-output.ts';

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

const startsWith = (start: Buffer, magic: string): boolean => start.toString('latin1', 0, magic.length) === magic;

export const compressionOf = (start: Buffer): Compression => {
  if (startsWith(start, '\x1f\x8b\x08')) return 'gzip';
  if (startsWith(start, '\x28\xb5\x2f\xfd')) return 'zstd';
  // A skippable frame may come first (zstd:chunked puts notes into them).
  if (start.length >= 4 && (start[0]! & 0xf0) === 0x50 && startsWith(start.subarray(1), '\x2a\x4d\x18')) return 'zstd';
  if (startsWith(start, 'BZh')) return 'bzip2';
  if (startsWith(start, '\xfd7zXZ\0')) return 'xz';
  return 'none';
};

const corrupt = (compression: Compression, cause?: unknown): TcomposeError =>
  new TcomposeError(`the ${compression} data is truncated or corrupt`, {
    code: 'image-corrupt',
    help: 'get the file again, and compare its checksum',
    cause,
  });

async function* gunzip(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const filter = createGunzip({ chunkSize: 256 * 1024 });
  const input = Readable.from(source, { objectMode: false, highWaterMark: 1 << 20 });
  const fed = pipeline(input, filter).then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    for await (const chunk of filter) yield chunk as Buffer;
  } catch (error) {
    throw String((error as NodeJS.ErrnoException).code).startsWith('Z_') ? corrupt('gzip', error) : error;
  } finally {
    filter.destroy();
    await fed;
  }
}

/** What Node 20's zlib cannot do is done by the host's own program. */
async function* throughProgram(
  source: AsyncIterable<Buffer>,
  program: 'zstd' | 'bzip2' | 'xz',
): AsyncGenerator<Buffer> {
  const child = spawn(program, ['-dc'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const missing = (cause: unknown): TcomposeError =>
    new TcomposeError(`the data is compressed with ${program}, and there is no ${program} on this host`, {
      code: 'decompressor-missing',
      help: `install it: apt-get install ${program === 'xz' ? 'xz-utils' : program}`,
      cause,
    });
  const exit = once(child, 'close').then(
    ([code]) => (code === 0 ? undefined : corrupt(program)),
    (error: unknown) => missing(error),
  );
  const fed = pipeline(source, child.stdin).then(
    () => undefined,
    (error: NodeJS.ErrnoException) =>
      error.code === 'EPIPE' || error.code === 'ERR_STREAM_PREMATURE_CLOSE' ? undefined : error,
  );
  yield* outputOf(child);
  const failure = (await fed) ?? (await exit);
  if (failure !== undefined) throw failure;
}

/** The plain bytes that `reader` gives from here on. */
export const decompress = async (
  reader: ByteReader,
): Promise<{ compression: Compression; bytes: AsyncIterable<Buffer> }> => {
  const compression = compressionOf(await reader.peek(10));
  if (compression === 'none') return { compression, bytes: reader.rest() };
  const bytes = compression === 'gzip' ? gunzip(reader.rest()) : throughProgram(reader.rest(), compression);
  return { compression, bytes };
};
