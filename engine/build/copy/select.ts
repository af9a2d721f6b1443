/** Which files of a source are copied, and what they are called beneath the target. Folders that hold something come before it. */
import { TcomposeError } from '../../../src/model/errors.ts';
import { type IgnoreRules, judge, parseIgnorePatterns, type Verdict } from '../ignore-file.ts';
import { findSources, follow, hasWildcards, inTree, notThere } from './find.ts';
import { modifiedAt } from './listing.ts';
import { below, type Entry, rawOf, type Tree, textOf } from './tree.ts';

export interface Selected {
  /** Relative to the target, raw; '': the source itself. */
  readonly path: string;
  readonly entry: Entry;
}

type Time = ReturnType<typeof modifiedAt>;

export interface Selection {
  /** What a file is called in a folder. */
  readonly name: string;
  readonly isFolder: boolean;
  /** Of a folder: its contents, without itself. */
  readonly files: readonly Selected[];
  /** Of a folder: its own, which the target gets. */
  readonly time?: Time;
}

export interface Wish {
  readonly parents: boolean;
  readonly exclude: readonly string[];
}

/** One for each file or folder that the word names. */
export async function select(tree: Tree, word: string, wish: Wish): Promise<readonly Selection[]> {
  const exclude = rulesOf(wish.exclude);
  if (wish.parents) return [await withParents(tree, word, exclude)];
  const found = await findSources(tree, word);
  return Promise.all(
    found.map(async ({ name, entry }): Promise<Selection> => {
      if (entry.type !== 'd') return { name, isFolder: false, files: [{ path: '', entry }] };
      return { name, isFolder: true, files: await contents(tree, entry, { exclude }), ...timeOf(entry) };
    }),
  );
}

/** The root of a tree is not looked at from above, so its time is not known. */
const timeOf = ({ identity }: Entry) => (identity === '' ? {} : { time: modifiedAt(identity) });

function rulesOf(patterns: readonly string[]): IgnoreRules {
  const { rules, mistakes } = parseIgnorePatterns(patterns);
  for (const { message, help } of mistakes) throw new TcomposeError(message, { code: 'bad-copy', help });
  return rules;
}

/** `a/./b/*`: what is before the dot is left away. */
async function withParents(tree: Tree, word: string, exclude: IgnoreRules): Promise<Selection> {
  const pivot = word.indexOf('/./');
  const [base, path] = pivot < 0 ? ['', inTree(word)] : [inTree(word.slice(0, pivot)), inTree(word.slice(pivot + 3))];
  const folder = await follow(tree, rawOf(base));
  if (folder?.type !== 'd') throw notThere(word);
  if (path === '') return { name: '', isFolder: true, files: await contents(tree, folder, { exclude }) };
  const files = await contents(tree, folder, { exclude, include: rulesOf([path]) });
  if (files.length === 0 && !hasWildcards(path)) throw notThere(word);
  return { name: '', isFolder: true, files };
}

interface Filter {
  readonly exclude: IgnoreRules;
  /** Absent: all of it. */
  readonly include?: IgnoreRules;
}

/** Of a folder on the way. */
interface Verdicts {
  readonly exclude?: Verdict;
  readonly include?: Verdict;
}

async function contents(
  tree: Tree,
  folder: Entry,
  filter: Filter,
  path = '',
  above: Verdicts = {},
): Promise<readonly Selected[]> {
  const members = await tree.members(folder);
  const judged = filter.exclude.length > 0 || filter.include !== undefined;
  const verdictsOf = (inside: string): Verdicts => (judged ? judgeBoth(filter, textOf(inside), above) : above);
  // All folders are asked about before any is waited for.
  const deeper = new Map<Entry, Promise<readonly Selected[]>>();
  for (const entry of members) {
    if (entry.type !== 'd') continue;
    const inside = below(path, entry.name);
    const found = contents(tree, entry, filter, inside, verdictsOf(inside));
    found.catch(() => undefined); // told when it is waited for
    deeper.set(entry, found);
  }
  const found: Selected[] = [];
  for (const entry of members) {
    const selected: Selected = { path: below(path, entry.name), entry };
    const verdicts = verdictsOf(selected.path);
    const wanted = verdicts.exclude?.ignored !== true && verdicts.include?.ignored !== false;
    const inside = entry.type === 'd' ? await deeper.get(entry)! : [];
    if (wanted || inside.length > 0) found.push(selected);
    for (const one of inside) found.push(one);
  }
  return found;
}

function judgeBoth(filter: Filter, text: string, above: Verdicts): Verdicts {
  const exclude = filter.exclude.length > 0 ? judge(filter.exclude, text, above.exclude) : undefined;
  const include = filter.include && judge(filter.include, text, above.include);
  return { ...(exclude && { exclude }), ...(include && { include }) };
}
