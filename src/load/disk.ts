/** The only file of the loader that touches the disk: reads texts, with limits, and says why where it cannot. */
import { readFileSync, statSync } from 'node:fs';
import { MAX_BYTES } from './limits.ts';

export type ReadResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly code: 'file-not-found' | 'not-text' | 'too-large'; readonly why: string };

export interface Disk {
  read(path: string): ReadResult;
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
};

function because(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ERRORS[code] ?? (code || (error as Error).message);
}

export const realDisk: Disk = {
  read: (path) => {
    try {
      if (path.includes('\0')) return { ok: false, code: 'file-not-found', why: 'its name holds a NUL' };
      const facts = statSync(path);
      // A device or a pipe may never end.
      if (!facts.isFile())
        return {
          ok: false,
          code: 'file-not-found',
          why: facts.isDirectory() ? 'it is a folder' : 'it is not a regular file',
        };
      if (facts.size > MAX_BYTES)
        return { ok: false, code: 'too-large', why: `it has more than ${MAX_BYTES >> 20} MiB` };
      return decode(readFileSync(path));
    } catch (error) {
      return { ok: false, code: 'file-not-found', why: because(error) };
    }
  },
  isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
  exists: (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
};

/** Bytes to text; what is not UTF-8, or holds a NUL, is no text. */
export function decode(bytes: Uint8Array): ReadResult {
  if (bytes.length > MAX_BYTES) return { ok: false, code: 'too-large', why: `it has more than ${MAX_BYTES >> 20} MiB` };
  if (bytes.includes(0)) return { ok: false, code: 'not-text', why: 'it holds a NUL byte' };
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { ok: false, code: 'not-text', why: 'it is not valid UTF-8' };
  }
}
