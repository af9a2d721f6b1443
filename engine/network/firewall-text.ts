/** From the rules that are wanted and those that iptables-save shows: the text that makes one of the other, and what is missing. */
import { type Firewall, isOwnChain, type Rule, SHARED, TABLES, type Table, type TableRules } from './firewall.ts';
import { grouped } from './grouped.ts';

/** Of one table: own chains in order of appearance, and every rule that is in them or leads to them. */
interface SavedTable {
  readonly chains: readonly string[];
  readonly rules: readonly SavedRule[];
}
interface SavedRule {
  readonly chain: string;
  /** The rule as printed, behind `-A CHAIN `. */
  readonly text: string;
  readonly tag: string;
  readonly isJump: boolean;
}
export type Saved = Readonly<Record<Table, SavedTable>>;

export function parseSaved(text: string, instance: string): Saved {
  const saved: Record<Table, { chains: string[]; rules: SavedRule[] }> = {
    mangle: { chains: [], rules: [] },
    nat: { chains: [], rules: [] },
    filter: { chains: [], rules: [] },
  };
  let table: { chains: string[]; rules: SavedRule[] } | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = saved[line.slice(1).trim() as Table];
    else if (table === undefined) continue;
    else if (line.startsWith(':'))
      table.chains.push(...[line.slice(1).split(' ')[0]!].filter((chain) => isOwnChain(chain, instance)));
    else if (line.startsWith('-A ')) table.rules.push(...parseRule(line, instance));
  }
  return saved;
}

function parseRule(line: string, instance: string): SavedRule[] {
  const [, chain = '', text = ''] = /^-A (\S+) (.*)$/.exec(line) ?? [];
  const target = / ?-[jg] (\S+)/.exec(text)?.[1] ?? '';
  const isOwn = isOwnChain(chain, instance);
  if (!isOwn && !isOwnChain(target, instance)) return [];
  const tag = /--comment "?([^"]*)"?/.exec(text)?.[1]?.trim() ?? '';
  return [{ chain, text, tag, isJump: !isOwn }];
}

/** '' when nothing is to be done. Tables that are as they should be are left alone: each one costs the kernel a commit. */
export function restoreText(wanted: Firewall | undefined, saved: Saved): string {
  return TABLES.map((table) => {
    const lines = wanted ? refill(wanted[table], saved[table]) : empty(saved[table]);
    return lines.length === 0 ? '' : ['*' + table, ...lines, 'COMMIT', ''].join('\n');
  }).join('');
}

/** Declaring a chain empties it: it is refilled in the same commit, so no packet ever meets half of it. */
function refill(wanted: TableRules, saved: SavedTable): readonly string[] {
  const jumps = wanted.jumps.filter((jump) => !saved.rules.some((rule) => rule.isJump && isSame(rule, jump)));
  const surplus = saved.rules.filter((rule) => rule.isJump && !isFirst(rule, saved.rules, wanted.jumps));
  const known = new Set(wanted.chains);
  const strangers = saved.chains.filter((chain) => !known.has(chain));
  if (isFilled(wanted, saved) && jumps.length === 0 && surplus.length === 0 && strangers.length === 0) return [];
  return [
    ...wanted.chains.map((chain) => `:${chain} - [0:0]`),
    ...surplus.map(({ chain, text }) => `-D ${chain} ${text}`),
    ...wanted.rules.map(({ chain, text }) => `-A ${chain} ${text}`),
    ...jumps.map(({ chain, text, place }) => (place === 'first' ? `-I ${chain} 1 ${text}` : `-A ${chain} ${text}`)),
    // All of them first: a chain that another one still jumps to cannot be deleted.
    ...strangers.map((chain) => `-F ${chain}`),
    ...strangers.map((chain) => `-X ${chain}`),
  ];
}

const isSame = (saved: SavedRule, wanted: Rule): boolean => saved.chain === wanted.chain && saved.tag === wanted.tag;

/** Two that put in the same jump at once leave one too many; another version may have left one of its own wording. */
const isFirst = (rule: SavedRule, all: readonly SavedRule[], jumps: readonly Rule[]): boolean =>
  jumps.some((jump) => isSame(rule, jump)) &&
  all.find(({ chain, tag }) => chain === rule.chain && tag === rule.tag) === rule;

const byChain = <T extends { readonly chain: string }>(rules: readonly T[]) => grouped(rules, ({ chain }) => chain);

function isFilled(wanted: TableRules, saved: SavedTable): boolean {
  const [should, is, chains] = [byChain(wanted.rules), byChain(saved.rules), new Set(saved.chains)];
  return wanted.chains.every((chain) => {
    const [all = [], present = []] = [should.get(chain), is.get(chain)];
    return chains.has(chain) && all.length === present.length && all.every((rule, i) => rule.tag === present[i]?.tag);
  });
}

function empty({ chains, rules }: SavedTable): readonly string[] {
  return [
    ...rules.filter(({ isJump }) => isJump).map(({ chain, text }) => `-D ${chain} ${text}`),
    ...chains.map((chain) => `-F ${chain}`),
    ...chains.map((chain) => `-X ${chain}`),
  ];
}

/** Owners of rules that are missing, out of place or not as they were made; jumps and shared rules count as everybody's: SHARED. */
export function damagedOwners(wanted: Firewall | undefined, saved: Saved): Set<string> {
  const owners = new Set<string>();
  if (wanted === undefined) return owners;
  for (const table of TABLES) {
    const { chains, rules, jumps } = wanted[table];
    const is = saved[table];
    const [allShould, allPresent] = [byChain(rules), byChain(is.rules)];
    for (const chain of chains) {
      const present = (allPresent.get(chain) ?? []).map(({ tag }) => tag);
      const should = allShould.get(chain) ?? [];
      const known = new Set(present);
      for (const rule of should) if (!known.has(rule.tag)) owners.add(rule.owner);
      const there = should.map(({ tag }) => tag).filter((tag) => known.has(tag));
      // A stranger's rule, or another order.
      if (present.join() !== there.join()) owners.add(SHARED);
    }
    for (const jump of jumps) if (!is.rules.some((rule) => rule.isJump && isSame(rule, jump))) owners.add(SHARED);
  }
  return owners;
}
