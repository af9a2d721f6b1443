/** The files of one log, oldest first, and reading them record by record, forwards and from the end. */
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { endsMessage, type LogRecord, parseRecord } from './log-line.ts';

const BLOCK = 64 * 1024;

/** Held open: rotation renames and removes files under their reader. */
export interface OpenLog {
  readonly handle: FileHandle;
  /** Inode and birth: the number of a file that is gone is given to the next. */
  readonly id: string;
}

/** How often a rotation may come between listing and opening before what there is has to do. */
const PATIENCE = 50;

/** `path.3`, `path.2`, `path.1`, `path`: as they were at one moment, or a file could seem to be gone that was only renamed. */
export async function openLogs(path: string): Promise<OpenLog[]> {
  for (let tries = 1; ; tries++) {
    const ages = await agesOf(path);
    const logs = await Promise.all(ages.map((age) => openLog(nameOf(path, age))));
    const opened = logs.filter((log) => log !== undefined);
    const after = await Promise.all((await agesOf(path)).map((age) => idOf(nameOf(path, age))));
    const isOneMoment = opened.length === after.length && opened.every(({ id }, index) => id === after[index]);
    if (isOneMoment || tries >= PATIENCE) return opened;
    await Promise.all(opened.map(({ handle }) => handle.close()));
  }
}

const nameOf = (path: string, age: number): string => (age === 0 ? path : `${path}.${age}`);

/** Oldest first. */
async function agesOf(path: string): Promise<readonly number[]> {
  const name = basename(path);
  return (await readdir(dirname(path)).catch(() => [] as string[]))
    .map((file) => (file === name ? 0 : file.startsWith(`${name}.`) ? Number(file.slice(name.length + 1)) : Number.NaN))
    .filter((age) => Number.isInteger(age) && age >= 0)
    .sort((a, b) => b - a);
}

const identity = ({ ino, birthtimeNs }: BigIntStats): string => `${ino}/${birthtimeNs}`;

const idOf = (path: string): Promise<string | undefined> =>
  stat(path, { bigint: true }).then(identity, () => undefined);

async function openLog(path: string): Promise<OpenLog | undefined> {
  try {
    const handle = await open(path, 'r');
    return { handle, id: identity(await handle.stat({ bigint: true })) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The file that was begun after the last of those that were read; undefined while that one is still written to. */
export async function openNext(path: string, read: readonly string[]): Promise<OpenLog | undefined> {
  const logs = await openLogs(path);
  const at = logs.findIndex(({ id }) => id === read.at(-1));
  // Not among them: rotated out of existence, so the oldest that nobody has read comes next.
  const next = at >= 0 ? logs[at + 1] : logs.find(({ id }) => !read.includes(id));
  await Promise.all(logs.filter((log) => log !== next).map((log) => log.handle.close()));
  return next;
}

/** Reads on from where the last call ended; a line that is not whole yet waits for the next call. */
export class RecordReader {
  private position: number;
  private torn = Buffer.alloc(0);
  readonly log: OpenLog;

  constructor(log: OpenLog, position = 0) {
    this.log = log;
    this.position = position;
  }

  async *records(): AsyncGenerator<LogRecord> {
    const block = Buffer.allocUnsafe(BLOCK);
    for (;;) {
      const { bytesRead } = await this.log.handle.read(block, 0, BLOCK, this.position);
      if (bytesRead === 0) return;
      this.position += bytesRead;
      const bytes = Buffer.concat([this.torn, block.subarray(0, bytesRead)]);
      const end = bytes.lastIndexOf(10);
      this.torn = Buffer.from(bytes.subarray(end + 1));
      if (end < 0) continue;
      for (const line of bytes.toString('utf8', 0, end).split('\n')) {
        const record = parseRecord(line);
        if (record !== undefined) yield record;
      }
    }
  }
}

/** Where to begin so that the last `count` messages follow: an index into `logs` and a position in that file. */
export async function tailPosition(
  logs: readonly OpenLog[],
  count: number,
): Promise<{ index: number; position: number }> {
  let wanted = count;
  for (let index = logs.length - 1; index >= 0; index--) {
    const { position, missing } = await tailOfFile(logs[index]!.handle, wanted);
    if (missing === 0) return { index, position };
    wanted = missing;
  }
  return { index: 0, position: 0 };
}

async function tailOfFile(handle: FileHandle, count: number): Promise<{ position: number; missing: number }> {
  const { size } = await handle.stat();
  let missing = count;
  let start = size;
  let tail = Buffer.alloc(0);
  while (start > 0) {
    const from = Math.max(0, start - BLOCK);
    const block = Buffer.allocUnsafe(start - from);
    await handle.read(block, 0, block.length, from);
    tail = Buffer.concat([block, tail]);
    start = from;
    let end = tail.length;
    // Lines that are whole in `tail`; what stands before the first newline may go on in the block before.
    for (;;) {
      const newline = end === 0 ? -1 : tail.lastIndexOf(10, end - 1);
      const begin = newline < 0 ? -1 : tail.lastIndexOf(10, newline - 1);
      if (newline < 0 || (begin < 0 && start > 0)) break;
      const record = parseRecord(tail.toString('utf8', begin + 1, newline));
      if (record !== undefined && endsMessage(record)) {
        if (missing === 0) return { position: start + newline + 1, missing: 0 };
        missing--;
      }
      end = begin + 1;
      if (end === 0) break;
    }
    tail = Buffer.from(tail.subarray(0, end));
  }
  return { position: 0, missing };
}

export const logPath = (containerDir: string, id: string): string => join(containerDir, 'log', `${id}-json.log`);
