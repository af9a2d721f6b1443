/**
 * What a layer's tar has beside the contents of its files, in the order it came: headers, padding, what stands at the end. With the unpacked
 * files it gives the very bytes again, which have the layer's digest; packed anew they would not (order, names of owners, forms of headers).
 *
 * On disk: pieces as weave.c reads them, through gzip.
 */
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';

export interface FrameWriter {
  /** Bytes that are no file's; kept by the caller no longer. A promise where the caller has to wait. */
  raw(bytes: Buffer): void;
  /** So many bytes of the file at `path` (latin1, cleaned), from `offset`; `isFurther`: of the entry that the last ones were of. */
  content(path: string, offset: number, bytes: number, isFurther: boolean): void;
  /** Where much was told: waits until it is written. */
  settled(): Promise<void> | undefined;
  /** Bytes of the whole tar. */
  finish(): Promise<number>;
  abort(): Promise<void>;
}

const HEAD_BYTES = 24;
const BATCH_BYTES = 64 * 1024;
const RAW = 0;
const CONTENT = 1;
const FURTHER = 2;

const head = (kind: number, length: number, offset: number, bytes: number): Buffer => {
  const block = Buffer.allocUnsafe(HEAD_BYTES);
  block.writeUInt32LE(kind, 0);
  block.writeUInt32LE(length, 4);
  block.writeBigUInt64LE(BigInt(offset), 8);
  block.writeBigUInt64LE(BigInt(bytes), 16);
  return block;
};

export const startFrame = (file: string): FrameWriter => {
  // Headers are mostly zeros: the quickest level makes them small enough.
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  const written = pipeline(gzip, createWriteStream(file, { mode: 0o600 })).then(
    () => undefined,
    (error: unknown) => error,
  );
  let batch: Buffer[] = [];
  let rawBytes = 0;
  let tarBytes = 0;
  const flush = (): void => {
    if (rawBytes === 0) return;
    const [parts, length] = [batch, rawBytes];
    [batch, rawBytes] = [[], 0];
    gzip.write(head(RAW, length, 0, 0));
    gzip.write(Buffer.concat(parts));
  };
  return {
    raw(bytes) {
      // A copy: what is handed out is part of a large buffer that would stay in memory.
      batch.push(Buffer.from(bytes));
      rawBytes += bytes.length;
      tarBytes += bytes.length;
      if (rawBytes >= BATCH_BYTES) flush();
    },
    content(path, offset, bytes, isFurther) {
      flush();
      const name = Buffer.from(path, 'latin1');
      gzip.write(head(isFurther ? FURTHER : CONTENT, name.length, offset, bytes));
      gzip.write(name);
      tarBytes += bytes;
    },
    settled() {
      if (!gzip.writableNeedDrain) return undefined;
      return new Promise((resolve) => {
        gzip.once('drain', resolve);
        void written.then(() => resolve());
      });
    },
    async finish() {
      flush();
      gzip.end();
      const error = await written;
      if (error !== undefined) throw error;
      return tarBytes;
    },
    async abort() {
      gzip.destroy();
      await written;
    },
  };
};
