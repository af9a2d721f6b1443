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
  const parts = (await tree.members(folder)).map((entry): readonly Selected[] | Promise<readonly Selected[]> => {
    const selected: Selected = { path: below(path, entry.name), entry };
    const text = filter.exclude.length > 0 || filter.include ? textOf(selected.path) : '';
    const exclude = filter.exclude.length > 0 ? judge(filter.exclude, text, above.exclude) : undefined;
    const include = filter.include && judge(filter.include, text, above.include);
    const wanted = exclude?.ignored !== true && include?.ignored !== false;
    if (entry.type !== 'd') return wanted ? [selected] : [];
    const verdicts = { ...(exclude && { exclude }), ...(include && { include }) };
    return contents(tree, entry, filter, selected.path, verdicts).then((members) =>
      wanted || members.length > 0 ? [selected, ...members] : [],
    );
  });
  return (await Promise.all(parts)).flat();
}
