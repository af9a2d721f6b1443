/** From an entry of a layer's tar to what is to be made on disk: names cleaned, whiteouts in overlay's form. */
import type { UnpackKind, UnpackRecord } from '../launcher/unpack.ts';
import { TarError } from './tar-header.ts';
import type { TarEntry, TarEntryKind } from './tar-reader.ts';

const KINDS: Readonly<Record<TarEntryKind, UnpackKind>> = {
  file: 'f',
  folder: 'd',
  symlink: 'l',
  'hard-link': 'h',
  'char-device': 'c',
  'block-device': 'b',
  fifo: 'p',
};

const shown = (path: string): string => JSON.stringify(Buffer.from(path, 'latin1').toString());

/** Relative, without empty components and dots. What climbs out of the root is refused. */
export const cleanPath = (path: string): string => {
  if (path.includes('\0')) throw new TarError(`an entry's name has a NUL byte: ${shown(path)}`);
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw new TarError(`an entry leaves the root: ${shown(path)}`);
  }
  return parts.join('/');
};

/** Overlay's own attributes steer how layers are merged: an image may not set them, only its whiteouts do. */
const isForImages = (name: string): boolean =>
  name !== '' && !name.includes('\0') && !/^(?:trusted|user)\.overlay\./.test(name);

/** `.wh.NAME` hides NAME of lower layers, `.wh..wh..opq` all of them in its folder; other `.wh..wh.` are notes of aufs. */
const whiteoutOf = (path: string): { kind: UnpackKind; path: string } | 'skip' | undefined => {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  if (path.startsWith('.wh..wh.') || path.includes('/.wh..wh.')) {
    return name === '.wh..wh..opq' ? { kind: 'o', path: path.slice(0, Math.max(slash, 0)) } : 'skip';
  }
  if (!name.startsWith('.wh.')) return undefined;
  const hidden = name.slice('.wh.'.length);
  if (hidden === '' || hidden === '.' || hidden === '..')
    throw new TarError(`a whiteout hides nothing: ${shown(path)}`);
  return { kind: 'w', path: path.slice(0, slash + 1) + hidden };
};

/** As it is: for files that are copied, whatever they are called. */
export const toFileRecord = (entry: TarEntry): UnpackRecord => {
  const path = cleanPath(entry.path);
  if (path === '' && entry.kind !== 'folder') throw new TarError(`the root is a ${entry.kind}`);
  const link = entry.kind === 'hard-link' ? cleanPath(entry.link) : entry.kind === 'symlink' ? entry.link : '';
  if ((entry.kind === 'hard-link' || entry.kind === 'symlink') && (link === '' || link.includes('\0')))
    throw new TarError(`a link has no valid target: ${shown(path)}`);
  const xattrs = [...entry.xattrs].filter(([name]) => isForImages(name));
  return { ...entry, kind: KINDS[entry.kind], path, link, xattrs };
};

/** Undefined: nothing is to be made of it. */
export const toUnpackRecord = (entry: TarEntry): UnpackRecord | undefined => {
  const path = cleanPath(entry.path);
  const whiteout = whiteoutOf(path);
  if (whiteout === 'skip') return undefined;
  if (whiteout !== undefined) {
    return { ...entry, ...whiteout, link: '', size: 0, stored: 0, segments: [], xattrs: [] };
  }
  return toFileRecord(entry);
};
