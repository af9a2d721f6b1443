/** Small files that are there in full or not at all: written beside their place, synced, renamed. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

/** `durable`: survives a power cut, not only a crash of ours. Readable by root alone: records carry environments. */
export async function writeWhole(
  path: string,
  text: string | Uint8Array,
  options: { mode?: number; durable: boolean },
): Promise<void> {
  const beside = unfinishedName(path);
  try {
    const handle = await open(beside, 'w', options.mode ?? 0o600);
    try {
      await handle.writeFile(text);
      if (options.durable) await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, path);
  } catch (cause) {
    await unlink(beside).catch(() => undefined);
    throw cannotWrite(path, cause);
  }
}

/** A name of its own keeps two writers apart (the last rename wins), and tells whose it was. */
export const unfinishedName = (path: string): string => `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;

/** Removes what writers left that were killed before they could rename. */
export async function sweepUnfinished(folder: string): Promise<void> {
  const left = namesIn(folder).filter((name) => {
    const [, pid] = /\.([0-9]+)-[0-9a-f]{8}\.tmp$/.exec(name) ?? [];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });
  await Promise.all(left.map((name) => unlink(join(folder, name)).catch(() => undefined)));
}

export const writeRecord = (path: string, record: object): Promise<void> =>
  writeWhole(path, `${JSON.stringify(record)}\n`, { durable: true });

/** Without the file: undefined. Synchronous: fifty small files cost a millisecond so, and several as promises. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Without the file: undefined. Written by a newer tcompose, or not by tcompose: an error, since guessing would lose data. */
export function readRecord<T extends { readonly version: number }>(path: string, newest: number): T | undefined {
  const text = readText(path);
  if (text === undefined) return undefined;
  let record: T;
  try {
    record = JSON.parse(text) as T;
  } catch (cause) {
    throw new TcomposeError(`the record ${path} is damaged`, {
      code: 'record-damaged',
      help: `look at it, then remove it:\n    rm ${path}`,
      cause,
    });
  }
  if (record.version <= newest) return record;
  throw new TcomposeError(`the record ${path} was written by a newer tcompose`, {
    code: 'record-newer',
    help: 'use that version',
  });
}

export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** 0700: nobody but root looks into containers. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
}

/** After a rename or unlink that must not be undone by a power cut. */
export async function syncFolderOf(path: string): Promise<void> {
  const handle = await open(dirname(path), 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function cannotWrite(path: string, cause: unknown): TcomposeError {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new TcomposeError(`the disk is full: ${path} cannot be written`, {
      code: 'disk-full',
      help: `make room on the file system of ${dirname(path)}:\n    df -h ${dirname(path)}`,
      cause,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new TcomposeError(
      `${path} cannot be written: ${code === 'EROFS' ? 'read-only file system' : 'permission denied'}`,
      { code: 'state-unwritable', help: 'run as root, or choose other folders with --root and --run', cause },
    );
  }
  return new TcomposeError(`${path} cannot be written: ${(cause as Error).message}`, {
    code: 'state-unwritable',
    help: `see what is wrong with ${join(path, '..')}`,
    cause,
  });
}
