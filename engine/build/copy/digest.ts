/** Digests of what is copied: types, modes, owners, links and contents; no times. Equal trees have equal ones, however they were read. */
import { createHash } from 'node:crypto';
import { fileOf } from './listing.ts';
import type { Selected, Selection } from './select.ts';

/** Content and attributes of a file or folder, 32 bytes as latin1 text; of `Entry.identity`. */
export type ContentOf = (selected: Selected) => string;

/** Names of one file are one file, the first of them has it. */
export function firstNames(files: readonly Selected[]): ReadonlyMap<Selected, Selected> {
  const first = new Map<string, Selected>();
  const later = new Map<Selected, Selected>();
  for (const selected of files) {
    const { type, links, identity } = selected.entry;
    if (type === 'd' || links < 2) continue;
    const known = first.get(fileOf(identity));
    if (known === undefined) first.set(fileOf(identity), selected);
    else later.set(selected, known);
  }
  return later;
}

/** `owned`: to whom files belong is part of what they are (a stage, an image); files of a context belong to nobody. */
export function digestOf({ files, isFolder }: Selection, contentOf: ContentOf, { owned }: { owned: boolean }): string {
  const later = firstNames(files);
  const hash = createHash('sha256').update(isFolder ? 'folder\n' : 'file\n');
  let text = '';
  for (const selected of files) {
    const { entry, path } = selected;
    const { type, mode, uid, gid, target, major, minor } = entry;
    const owner = owned ? `${uid}:${gid}` : '';
    const first = later.get(selected);
    const what =
      first !== undefined
        ? `=${first.path}`
        : type === 'l'
          ? target
          : type === 'f' || type === 'd'
            ? contentOf(selected)
            : `${major}:${minor}`;
    // Neither names nor targets have NULs.
    text += `${path}\0${type}${type === 'l' ? '' : mode.toString(8)}\0${owner}\0${what}\0`;
    if (text.length < BATCH) continue;
    hash.update(text, 'latin1');
    text = '';
  }
  return hash.update(text, 'latin1').digest('hex');
}

/** One call for many lines costs less than one for each. */
const BATCH = 1 << 16;
