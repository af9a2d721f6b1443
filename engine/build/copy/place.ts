/** Where each thing that is copied goes: BuildKit's rules of files, folders and slashes, on paths alone. Pure. */
import { posix } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { Target } from './target.ts';

export interface Placeable {
  /** What is in a folder goes into the target; an archive counts as one. */
  readonly isFolder: boolean;
  /** Of a file, raw bytes as latin1 text. */
  readonly name: string;
}

export interface Placement {
  /** Relative to the root, raw bytes as latin1 text: the file itself, or the folder that contents go into. */
  readonly base: string;
  /** Folders (absolute) that have to be there before, uppermost first. */
  readonly folders: readonly string[];
}

/** `.` and `..` name folders as a slash does. */
const meansFolder = (target: string): boolean => /(?:^|\/)\.{0,2}$/.test(target);

/** One for each, in order: what comes first may be the folder that the next goes into. */
export function placeAll(items: readonly Placeable[], wanted: string, found: Target): readonly Placement[] {
  const raw = (path: string) => Buffer.from(path.slice(1)).toString('latin1');
  let kind = found.kind;
  return items.map(({ isFolder, name }): Placement => {
    const goesInside = !isFolder && (kind === 'folder' || meansFolder(wanted));
    if (kind === 'other' && (isFolder || goesInside)) throw notFolder(found.path, isFolder);
    kind = isFolder || goesInside ? 'folder' : 'other';
    const base = raw(found.path);
    if (isFolder) return { base, folders: foldersOf(found.path) };
    if (goesInside) return { base: base === '' ? name : `${base}/${name}`, folders: foldersOf(found.path) };
    return { base, folders: foldersOf(posix.dirname(found.path)) };
  });
}

/** `/a/b`: `/a` and `/a/b`. */
export const foldersOf = (path: string): readonly string[] => {
  const parts = path.split('/').filter(Boolean);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
};

const notFolder = (path: string, isFolder: boolean): TcomposeError =>
  new TcomposeError(isFolder ? `cannot copy to non-directory: ${path}` : `${path} is not a directory`, {
    code: 'bad-copy',
    help: 'choose another target, or remove that file first',
  });
