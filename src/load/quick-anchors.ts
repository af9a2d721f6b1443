/** Anchors, aliases and merge keys, for the quick YAML reader. */
import { MAX_ALIASED } from './limits.ts';
import { type Cursor, isBlankAfter, mark, Unusual } from './quick-scalars.ts';
import { TooMuch } from './too-much.ts';
import { clone, countNodes, type Entry, type Mark, type SpecNode } from './tree.ts';

export const AMPERSAND = 0x26;

/** `&name` or `*name`; names that hold more than these characters are left to the full parser. */
function nameAt(cursor: Cursor, at: number): { name: string; end: number } {
  const [name] = /^[\w.-]+/.exec(cursor.text.slice(at + 1, at + 101)) ?? [];
  if (name === undefined || name.length === 100) throw new Unusual();
  return { name, end: at + 1 + name.length };
}

/** What follows `&name` is read by `read`, from after the name. */
export function readAnchored<N extends SpecNode>(cursor: Cursor, at: number, read: (from: number) => N): N {
  const { name, end } = nameAt(cursor, at);
  if (!isBlankAfter(cursor, end)) throw new Unusual();
  let next = end;
  while (cursor.text[next] === ' ') next++;
  // `&a *b` and `&a &b` are mistakes.
  if (/[&*!]/.test(cursor.text[next] ?? '')) throw new Unusual();
  // Until it is read: an alias inside leads back to itself.
  cursor.anchors.delete(name);
  const node = read(end);
  if (node.kind === 'scalar' && node.value === null && node.raw === '') throw new Unusual();
  cursor.anchors.set(name, node);
  return node;
}

export function readAlias(cursor: Cursor, at: number): { node: SpecNode; end: number } {
  const { name, end } = nameAt(cursor, at);
  const target = cursor.anchors.get(name);
  if (target === undefined) throw new Unusual();
  cursor.aliased += countNodes(target);
  // Not left to the full parser: it could only say the same, later.
  if (cursor.aliased > MAX_ALIASED) throw tooManyAliased(mark(cursor, at, end));
  return { node: clone(target), end };
}

export function tooManyAliased(at: Mark): TooMuch {
  return new TooMuch(`aliases expand the file to more than ${MAX_ALIASED} values`, { at });
}

/** YAML merge key: what is written wins over what is merged, and an earlier source over a later one. */
export function mergeInto(entries: Map<string, Entry>, merged: SpecNode): void {
  for (const source of merged.kind === 'list' ? merged.items : [merged]) {
    if (source.kind !== 'map') throw new Unusual();
    for (const [name, entry] of source.entries) if (!entries.has(name)) entries.set(name, entry);
  }
}
