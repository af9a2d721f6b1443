/** Where the words of COPY lead in a tree: links followed inside of it, wildcards one folder at a time (Go's filepath.Match). */
import { posix } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import { type Glob, matchesGlob, parseGlob } from '../glob.ts';
import { type Entry, rawOf, type Tree, textOf } from './tree.ts';

const LINKS_MAX = 255;

/** The entry at a path, as if the tree's root were the root of everything: `..` stays in it, absolute links begin at it. */
export async function follow(tree: Tree, path: string): Promise<Entry | undefined> {
  const parts = path.split('/').reverse();
  const above: Entry[] = [];
  let at = tree.root;
  for (let links = 0; parts.length > 0; ) {
    const part = parts.pop()!;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      at = above.pop() ?? tree.root;
      continue;
    }
    if (at.type !== 'd') return undefined;
    const found = await tree.member(at, part);
    if (found === undefined) return undefined;
    if (found.type === 'l') {
      if (++links > LINKS_MAX) throw tooManyLinks(path);
      if (found.target.startsWith('/')) {
        at = tree.root;
        above.length = 0;
      }
      parts.push(...found.target.split('/').reverse());
      continue;
    }
    above.push(at);
    at = found;
  }
  return at;
}

const tooManyLinks = (path: string): TcomposeError =>
  new TcomposeError(`too many levels of symbolic links: ${textOf(path)}`, { code: 'bad-copy' });

export interface Found {
  /** What it is called where it was found: the name of the link, not of what it leads to. */
  readonly name: string;
  /** Links followed. */
  readonly entry: Entry;
}

/** A backslash takes what follows as it is, but only where there is a wildcard at all: as BuildKit has it. */
export const hasWildcards = (path: string): boolean => /^(?:[^\\]|\\.)*?[*?[]/s.test(path);

/** Absolute and clean in the tree, without its first slash: what lies above the root is the root. */
export const inTree = (path: string): string => posix.join('/', path).replace(/^\/|\/$/g, '');

/** All that a source word names, in the order of their names; a wildcard may name nothing. */
export async function findSources(tree: Tree, word: string): Promise<readonly Found[]> {
  const path = inTree(word);
  const parts = path.split('/');
  const first = parts.findIndex(hasWildcards);
  const foundAt = async (raw: string): Promise<Found> => {
    const entry = await follow(tree, raw);
    if (entry === undefined) throw first < 0 ? notThere(word) : leadsNowhere(word, raw);
    return { name: posix.basename(raw), entry };
  };
  if (first < 0) return [await foundAt(rawOf(path))];
  const patterns = parts.slice(first).map((part) => {
    const glob = parseGlob(part.replaceAll(/\*{2,}/g, '*'));
    if (glob === undefined) throw malformed(word);
    return glob;
  });
  const base = rawOf(parts.slice(0, first).join('/'));
  const folder = await follow(tree, base);
  if (folder?.type !== 'd') return [];
  const matches = await matching(tree, folder, patterns);
  return Promise.all(matches.map((entry) => foundAt(entry.path)));
}

/** Links on the way are not followed, those at the end are, by who asks. */
async function matching(tree: Tree, folder: Entry, [glob, ...rest]: readonly Glob[]): Promise<readonly Entry[]> {
  const matched = (await tree.members(folder)).filter(({ name }) => matchesGlob(glob!, textOf(name)));
  if (rest.length === 0) return matched;
  const deeper = matched.filter(({ type }) => type === 'd').map((entry) => matching(tree, entry, rest));
  return (await Promise.all(deeper)).flat();
}

export const notThere = (word: string): TcomposeError =>
  new TcomposeError(`${JSON.stringify(word)}: not found`, {
    code: 'no-such-file',
    help: 'paths begin at the context (or at the root of what --from names), and what .dockerignore leaves out is not there',
  });

/** A link that a wildcard found. */
const leadsNowhere = (word: string, raw: string): TcomposeError =>
  new TcomposeError(`${JSON.stringify(textOf(raw))}: not found: it is a link that leads nowhere`, {
    code: 'no-such-file',
    help: `correct the link, or choose a pattern that leaves it out: ${JSON.stringify(word)} means it, too`,
  });

const malformed = (word: string): TcomposeError =>
  new TcomposeError(`the pattern ${JSON.stringify(word)} is malformed`, {
    code: 'bad-copy',
    help: 'close the bracket; a bracket of the name itself is written as [[]',
  });
