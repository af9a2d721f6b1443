/** A stream of bytes to standard output or into a file, no faster than that is taken. */
import { open, rename, rm } from 'node:fs/promises';
import { TcomposeError } from '../model/errors.ts';
import type { Output } from './ui/output.ts';

export async function writeStream(out: Output, stream: NodeJS.ReadableStream): Promise<void> {
  for await (const chunk of stream) {
    out.data(chunk as Buffer);
    // Leaving the loop ends the stream, and with it whoever makes it.
    if (out.isClosed) return;
  }
}

/** Under its name once it is whole: what was there stays until then. Anything but a file (a pipe, a device) is written to as it is. */
export async function writeToFile(path: string, stream: NodeJS.ReadableStream): Promise<void> {
  const isPlain = await isFileOrNothing(path);
  const partial = isPlain ? `${path}.partial-${process.pid}` : path;
  const file = await open(partial, isPlain ? 'wx' : 'w', 0o600).catch((cause: NodeJS.ErrnoException) => {
    throw new TcomposeError(`cannot write ${path}: ${cause.code === 'ENOENT' ? 'no such folder' : cause.message}`, {
      code: 'unwritable-file',
      cause,
    });
  });
  try {
    for await (const chunk of stream)
      await file.writeFile(chunk as Buffer).catch((cause: NodeJS.ErrnoException) => {
        throw unwritten(path, cause);
      });
    await file.close();
    if (isPlain) await rename(partial, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    if (isPlain) await rm(partial, { force: true });
    throw error;
  }
}

function unwritten(path: string, cause: NodeJS.ErrnoException): TcomposeError {
  const isFull = cause.code === 'ENOSPC' || cause.code === 'EDQUOT';
  return new TcomposeError(`cannot write ${path}: ${isFull ? 'the disk is full' : cause.message}`, {
    code: isFull ? 'disk-full' : 'unwritable-file',
    ...(isFull ? { help: 'make room there (df -h), or write it somewhere else: nothing of it is kept' } : {}),
    cause,
  });
}

async function isFileOrNothing(path: string): Promise<boolean> {
  const { lstat } = await import('node:fs/promises');
  const status = await lstat(path).catch(() => undefined);
  if (status?.isDirectory())
    throw new TcomposeError(`cannot write ${path}: it is a folder`, { code: 'unwritable-file' });
  return status === undefined || status.isFile();
}
