/**
 * The files of one log: found, held open, read block by block. Rotation renames files under their reader (`path` → `path.1` → `path.2`),
 * compresses them (`path.2.gz`) and removes them; what is open stays readable, so a follower opens each as soon as there is one.
 */
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createGunzip, gunzipSync } from 'node:zlib';

const BLOCK = 256 * 1024;
/** So many are held open at most: those that are removed meanwhile would fill the disk of who does not go on reading. */
const HELD = 200;
/** How often a look is begun again because of rotations in the middle of it. */
const LOOKS = 100;

export const logPath = (containerDir: string, id: string): string => join(containerDir, 'log', `${id}-json.log`);

export interface OpenLog {
  readonly handle: FileHandle;
  readonly inode: bigint;
  readonly isPacked: boolean;
}

/** A rotated file carries its number in this time, and its compressed form the same (engine/launcher/log_file.c). */
const stampOf = async ({ handle }: OpenLog): Promise<bigint> => (await handle.stat({ bigint: true })).mtimeNs;

async function openOne(path: string, isPacked = false): Promise<OpenLog | undefined> {
  try {
    const handle = await open(path, 'r');
    return { handle, inode: (await handle.stat({ bigint: true })).ino, isPacked };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function oldestAge(path: string): Promise<number> {
  const name = basename(path);
  const ages = (await readdir(dirname(path)).catch(() => [] as string[])).flatMap((file) => {
    const [, age] = file.startsWith(`${name}.`) ? (/^(\d+)(?:\.gz)?$/.exec(file.slice(name.length + 1)) ?? []) : [];
    return age === undefined ? [] : [Number(age)];
  });
  return Math.max(0, ...ages);
}

/** The files in the order they were written, as far as they are known. Opened here, closed by `drop` and `close`. */
export class LogTrail {
  readonly #path: string;
  /** The last one stays, also when it has been read: newer ones are found by it. */
  #logs: OpenLog[] = [];
  #looking: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  get logs(): readonly OpenLog[] {
    return this.#logs;
  }

  /** Looks for files that are newer than the newest known one. However many ask while a look goes on, one follows for all of them. */
  refresh(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#looking === undefined) return this.#begin();
    this.#next = this.#looking.then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    if (this.#logs.length >= HELD) return;
    for (let attempt = 1; ; attempt++) {
      const found: OpenLog[] = [];
      if ((await this.#walk(found)) || attempt === LOOKS) {
        this.#logs.push(...found.reverse());
        return;
      }
      await Promise.all(found.map((log) => log.handle.close()));
    }
  }

  /**
   * From the newest to the oldest: a rotation meanwhile moves files towards where this has not been yet, so that one may be met twice,
   * but none is passed over. False: one was met again after others, so there were two rotations, and those others are newer than it.
   */
  async #walk(found: OpenLog[]): Promise<boolean> {
    const last = this.#logs.at(-1);
    let oldest = 0;
    for (let age = 0; ; age++) {
      // Asked anew where it seemed to end: rotations go on meanwhile.
      if (age > oldest) oldest = (await oldestAge(this.#path)) + 1;
      if (age > oldest) return true;
      const path = age === 0 ? this.#path : `${this.#path}.${age}`;
      for (const packed of age === 0 ? [false] : [false, true]) {
        const log = await openOne(packed ? `${path}.gz` : path, packed);
        if (log === undefined) continue;
        const isLast = last !== undefined && (await isSame(log, last));
        const met = isLast ? -1 : await indexOf(found, log);
        if (isLast || met >= 0) await log.handle.close();
        else found.push(log);
        if (isLast) return true;
        if (met >= 0 && met < found.length - 1) return false;
      }
    }
  }

  /** The oldest has been read, and there is a newer one. */
  async drop(): Promise<void> {
    await this.#logs.shift()?.handle.close();
  }

  async close(): Promise<void> {
    await this.#next;
    await this.#looking;
    await Promise.all(this.#logs.splice(0).map((log) => log.handle.close()));
  }
}

async function indexOf(found: readonly OpenLog[], log: OpenLog): Promise<number> {
  for (const [index, other] of found.entries()) if (await isSame(other, log)) return index;
  return -1;
}

async function isSame(one: OpenLog, other: OpenLog): Promise<boolean> {
  if (one.isPacked === other.isPacked) return one.inode === other.inode;
  return (await stampOf(one)) === (await stampOf(other));
}

/** Reads on from where the last call ended, and only whole lines: the rest waits for the next call. */
export class BlockReader {
  readonly log: OpenLog;
  #position: number;
  #torn: Buffer = Buffer.alloc(0);

  constructor(log: OpenLog, position = 0) {
    this.log = log;
    this.#position = position;
  }

  async *blocks(): AsyncGenerator<Buffer> {
    for await (const chunk of this.log.isPacked ? this.#unpacked() : this.#plain()) {
      const bytes = this.#torn.length > 0 ? Buffer.concat([this.#torn, chunk]) : chunk;
      const end = bytes.lastIndexOf(10) + 1;
      this.#torn = bytes.subarray(end);
      if (end > 0) yield bytes.subarray(0, end);
    }
  }

  async *#plain(): AsyncGenerator<Buffer> {
    for (;;) {
      const { bytesRead, buffer } = await this.log.handle.read(Buffer.allocUnsafe(BLOCK), 0, BLOCK, this.#position);
      if (bytesRead === 0) return;
      this.#position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  /** Once: it does not grow any more. */
  async *#unpacked(): AsyncGenerator<Buffer> {
    let skip = this.#position;
    this.#position = Number.POSITIVE_INFINITY;
    if (skip === Number.POSITIVE_INFINITY) return;
    const source = this.log.handle.createReadStream({ start: 0, autoClose: false });
    for await (const chunk of source.pipe(createGunzip({ chunkSize: BLOCK })) as AsyncIterable<Buffer>) {
      const rest = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - rest.length;
      if (rest.length > 0) yield rest;
    }
  }
}

/**
 * Where to begin so that the last `count` messages follow: an index into `logs` and a position in that file. A message that has no end
 * yet counts, too: the last words of a program often have no newline.
 */
export async function tailPosition(
  logs: readonly OpenLog[],
  count: number,
): Promise<{ readonly index: number; readonly position: number }> {
  let wanted = count;
  const known = new Set<string>();
  for (let index = logs.length - 1; index >= 0; index--) {
    const { position, missing } = await tailOf(logs[index]!, wanted, known);
    if (missing === 0) return { index, position };
    wanted = missing;
  }
  return { index: 0, position: 0 };
}

type ReadAt = (from: number, length: number) => Promise<Buffer>;

async function tailOf(
  { handle, isPacked }: OpenLog,
  count: number,
  known: Set<string>,
): Promise<{ position: number; missing: number }> {
  if (isPacked) {
    const bytes = gunzipSync(await handle.readFile());
    return tailOfBytes(bytes.length, async (from, length) => bytes.subarray(from, from + length), count, known);
  }
  const readAt: ReadAt = async (from, length) => {
    const block = Buffer.allocUnsafe(length);
    await handle.read(block, 0, length, from);
    return block;
  };
  return tailOfBytes((await handle.stat()).size, readAt, count, known);
}

/** A record whose text ends with a newline is the end of a message; so is the last one of its stream. Quotes in a text are escaped. */
const RECORD = /(\\n)?"?[,{]"stream":"(std(?:out|err))"/;

function isLastOfMessage(line: string, known: Set<string>): boolean {
  const [, newline, stream] = RECORD.exec(line) ?? [];
  if (stream === undefined) return false;
  const isLastOfStream = !known.has(stream);
  known.add(stream);
  return newline !== undefined || isLastOfStream;
}

async function tailOfBytes(
  size: number,
  readAt: ReadAt,
  count: number,
  known: Set<string>,
): Promise<{ position: number; missing: number }> {
  let missing = count;
  let start = size;
  let tail: Buffer = Buffer.alloc(0);
  while (start > 0) {
    const from = Math.max(0, start - BLOCK);
    tail = Buffer.concat([await readAt(from, start - from), tail]);
    start = from;
    let end = tail.length;
    // Lines that are whole in `tail`; what stands before the first newline may go on in the block before.
    for (;;) {
      const newline = end === 0 ? -1 : tail.lastIndexOf(10, end - 1);
      const begin = newline <= 0 ? -1 : tail.lastIndexOf(10, newline - 1);
      if (newline < 0 || (begin < 0 && start > 0)) break;
      if (isLastOfMessage(tail.toString('latin1', begin + 1, newline), known)) {
        if (missing === 0) return { position: start + newline + 1, missing: 0 };
        missing--;
      }
      end = begin + 1;
      if (end === 0) break;
    }
    tail = tail.subarray(0, end);
  }
  return { position: 0, missing };
}
