/** A tree that files are copied from: looked at folder by folder as it is asked for, each folder once, without what is ignored. */
import { getSystemErrorName } from 'node:util';
import { TcomposeError } from '../../../src/model/errors.ts';
import { canSkip, type IgnoreRules, judge, type Verdict } from '../ignore-file.ts';
import type { Listing, Member } from './listing.ts';

export interface Entry extends Member {
  /** Of .dockerignore, for what lies below. */
  readonly verdict?: Verdict;
}

/** Asks for a folder's members; a path is never a link. */
export type List = (path: string) => Promise<Listing>;

/** Names are matched as text, and handled as bytes. */
export const textOf = (raw: string): string =>
  /^[\x01-\x7f]*$/.test(raw) ? raw : Buffer.from(raw, 'latin1').toString();
export const rawOf = (text: string): string =>
  /^[\x01-\x7f]*$/.test(text) ? text : Buffer.from(text).toString('latin1');

export const below = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`);

const byName = (a: Member, b: Member): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

const ROOT: Entry = {
  path: '',
  name: '',
  type: 'd',
  mode: 0o755,
  uid: 0,
  gid: 0,
  links: 1,
  major: 0,
  minor: 0,
  size: 0,
  target: '',
  identity: '',
};

export class Tree {
  readonly root = ROOT;
  readonly #list: List;
  readonly #rules: IgnoreRules;
  readonly #folders = new Map<string, Promise<readonly Entry[]>>();

  constructor(list: List, rules: IgnoreRules = []) {
    this.#list = list;
    this.#rules = rules;
  }

  /** Members by name, in the order of their bytes. A folder that is left out is among them where something in it is not. */
  members(folder: Entry): Promise<readonly Entry[]> {
    const known = this.#folders.get(folder.path) ?? this.#read(folder);
    this.#folders.set(folder.path, known);
    return known;
  }

  async member(folder: Entry, name: string): Promise<Entry | undefined> {
    return (await this.members(folder)).find((entry) => entry.name === name);
  }

  async #read(folder: Entry): Promise<readonly Entry[]> {
    const { errno, members } = await this.#list(folder.path);
    if (errno !== 0) throw unreadable(folder.path, errno);
    const sorted = members.filter(({ type }) => type !== 's').sort(byName);
    if (this.#rules.length === 0) return sorted;
    const judged = sorted.map((member) => this.#judged(folder, member));
    const kept = await Promise.all(judged.map(async (entry) => ((await this.#isThere(entry)) ? entry : undefined)));
    return kept.filter((entry) => entry !== undefined);
  }

  #judged(folder: Entry, member: Member): Entry {
    return { ...member, verdict: judge(this.#rules, textOf(member.path), folder.verdict) };
  }

  async #isThere(entry: Entry): Promise<boolean> {
    const { verdict, type } = entry;
    if (verdict === undefined || !verdict.ignored) return true;
    if (type !== 'd' || canSkip(this.#rules, textOf(entry.path), verdict)) return false;
    return (await this.members(entry)).length > 0;
  }
}

function unreadable(path: string, errno: number): TcomposeError {
  const name = getSystemErrorName(-errno);
  return new TcomposeError(`cannot read the folder ${JSON.stringify(textOf(path) || '.')} of what is copied: ${name}`, {
    code: 'unreadable-file',
    help:
      name === 'ENOENT'
        ? 'it was there a moment ago: build again when nothing changes the files'
        : 'check its permissions',
  });
}
