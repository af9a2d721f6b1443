/** The only file of the loader that touches the disk: reads texts, with limits, and says why where it cannot. */
import { closeSync, constants, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { MAX_BYTES, MAX_BYTES_ALL, MAX_FILES } from './limits.ts';
import { TooMuch } from './too-much.ts';
import type { SourceText } from './tree.ts';

export type ReadResult =
  | { readonly ok: true; readonly text: string; readonly name?: string }
  | {
      readonly ok: false;
      readonly code: 'file-not-found' | 'not-text' | 'outside-remote' | 'too-large';
      readonly why: string;
      /** Where the reader's own advice would not help. */
      readonly help?: string;
    };

export interface Disk {
  /** `by`: the file that asks for it. */
  read(path: string, by?: Pick<SourceText, 'file'>): ReadResult;
  /** Without symbolic links, as far as it exists. */
  real(path: string): string;
  isFile(path: string): boolean;
  exists(path: string): boolean;
}

const ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'you may not read it',
  EPERM: 'you may not read it',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
  EAGAIN: 'it has no end to wait for',
};

function because(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ERRORS[code] ?? (code || (error as Error).message);
}

export const sourceOf = (file: string, { text, name }: Extract<ReadResult, { ok: true }>): SourceText => ({
  file,
  text,
  ...(name !== undefined && { name }),
});

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = posix.dirname(path);
    return parent === path ? path : posix.join(realPath(parent), posix.basename(path));
  }
}

export const realDisk: Disk = {
  real: realPath,
  read: (path) => {
    try {
      if (path.includes('\0')) return { ok: false, code: 'file-not-found', why: 'its name holds a NUL' };
      if (path === '/dev/null') return { ok: true, text: '' };
      const facts = statSync(path);
      // A device or a pipe may never end; one that the caller's shell has opened, `--env-file <(…)`, is theirs to end.
      if (!facts.isFile() && !(facts.isFIFO() && /^\/dev\/(?:stdin$|fd\/)/.test(path)))
        return {
          ok: false,
          code: 'file-not-found',
          why: facts.isDirectory() ? 'it is a folder' : 'it is not a regular file',
        };
      if (facts.size > MAX_BYTES)
        return { ok: false, code: 'too-large', why: `it has more than ${MAX_BYTES >> 20} MiB` };
      return decode(readSome(path, facts.size));
    } catch (error) {
      return { ok: false, code: 'file-not-found', why: because(error) };
    }
  },
  isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
  exists: (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
};

/** As much as a file may hold and a byte more, without waiting: what looks like a file may be a queue (/proc/kmsg). */
function readSome(path: string, size: number): Uint8Array {
  const isQueue = path.startsWith('/dev/');
  const file = openSync(path, constants.O_RDONLY | (isQueue ? 0 : constants.O_NONBLOCK));
  try {
    const parts: Buffer[] = [];
    let length = 0;
    while (length <= MAX_BYTES) {
      // What it says of its size is a guess: a pipe has none.
      const wanted = length === 0 && size > 0 ? size + 1 : 64 * 1024;
      const part = Buffer.allocUnsafe(Math.min(wanted, MAX_BYTES + 1 - length));
      const read = readSync(file, part);
      if (read === 0) break;
      parts.push(part.subarray(0, read));
      length += read;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  } finally {
    closeSync(file);
  }
}

/** Each file is read once, however many ask for it; one load may read so much and no more. */
export function withLimits(disk: Disk): Disk {
  const known = new Map<string, ReadResult>();
  let bytes = 0;
  return {
    ...disk,
    read: (path) => {
      const earlier = known.get(path);
      if (earlier !== undefined) return earlier;
      const read = disk.read(path);
      known.set(path, read);
      if (read.ok) bytes += read.text.length;
      if (known.size > MAX_FILES || bytes > MAX_BYTES_ALL) {
        const what = known.size > MAX_FILES ? `${MAX_FILES} files` : `${MAX_BYTES_ALL >> 20} MiB of files`;
        throw new TooMuch(`the project reads more than ${what}`, { help: 'name fewer or smaller files' });
      }
      return read;
    },
  };
}

/** Bytes to text; what is not UTF-8, or holds a NUL, is no text. */
export function decode(bytes: Uint8Array): ReadResult {
  if (bytes.length > MAX_BYTES) return { ok: false, code: 'too-large', why: `it has more than ${MAX_BYTES >> 20} MiB` };
  const wide = utf16Of(bytes);
  if (wide !== undefined)
    return {
      ok: false,
      code: 'not-text',
      why: 'it is UTF-16, not UTF-8',
      help: `save it as UTF-8, or convert it:\n    iconv -f ${wide} -t UTF-8 OLD > NEW`,
    };
  if (bytes.includes(0)) return { ok: false, code: 'not-text', why: 'it holds a NUL byte' };
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { ok: false, code: 'not-text', why: 'it is not valid UTF-8' };
  }
}

/** By its byte order mark, or by the zeros that every letter of plain English has in it. */
function utf16Of(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return 'UTF-16';
  if (bytes.length < 4 || bytes.length % 2 !== 0) return undefined;
  const begin = bytes.subarray(0, 200);
  if (begin.every((byte, at) => (byte === 0) === (at % 2 === 1))) return 'UTF-16LE';
  return begin.every((byte, at) => (byte === 0) === (at % 2 === 0)) ? 'UTF-16BE' : undefined;
}
