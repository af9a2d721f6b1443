/**
 * Where a copy goes and what it is called there: the rules of `docker cp` (its documentation, and github.com/moby/go-archive copy.go), on
 * paths alone. A path may end in a slash ("a folder is meant") or in `/.` ("what is in it").
 */
import { posix } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';

export const saysContents = (path: string): boolean => posix.basename(path) === '.' && !path.endsWith('/');
export const saysFolder = (path: string): boolean => path.endsWith('/') || saysContents(path);

export interface CopySource {
  readonly isFolder: boolean;
  /** Its own name; '': what is in it. */
  readonly name: string;
}

export interface CopyTarget {
  /** As asked for, links followed. */
  readonly path: string;
  readonly kind: 'missing' | 'folder' | 'other';
}

export interface CopyPlan {
  /** Exists, or the copy fails. */
  readonly folder: string;
  /** What the source is called in it; '': its members go into the folder. */
  readonly name: string;
}

export function planCopy(source: CopySource, target: CopyTarget): CopyPlan {
  if (target.kind === 'folder') return { folder: target.path, name: source.name };
  if (target.kind === 'other' && source.isFolder) throw refused('cannot copy directory', target.path);
  if (target.kind === 'missing' && !source.isFolder && saysFolder(target.path))
    throw refused('no such directory', target.path);
  const clean = posix.resolve('/', target.path);
  return { folder: posix.dirname(clean), name: posix.basename(clean) };
}

/** The words are Docker's. */
const refused = (what: string, path: string): TcomposeError =>
  new TcomposeError(`${what}: ${path}`, {
    code: 'bad-copy',
    help:
      what === 'no such directory'
        ? 'make the folder first, or leave the slash at the end out'
        : 'a folder cannot take the place of a file: name a folder, or something that does not exist yet',
  });

/** What a source is called: '' where its members are meant; the root has no name either. */
export function sourceName(path: string): string {
  return saysContents(path) ? '' : posix.basename(posix.resolve('/', path));
}

/** A name relative to what was packed, in its new place. Both are latin1 text, as records have them. */
export function placed(relative: string, top: string): string {
  return [top, relative].filter((part) => part !== '').join('/');
}
