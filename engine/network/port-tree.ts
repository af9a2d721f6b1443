/**
 * Port maps as a tree of chains, so that a new connection meets a few rules and not all of them: each costs it some 30 ns, and a host
 * may publish 10,000 ports. A branch takes a range of ports and goes on there for good (`-g`): nothing else can match it.
 */
import { grouped } from './grouped.ts';

export interface PortRule {
  readonly protocol: string;
  readonly published: number;
  readonly owner: string;
  /** As in a chain, behind `-A CHAIN `. */
  readonly text: string;
}

/** A rule that belongs to nobody alone has no owner. */
export interface TreeRule {
  readonly owner?: string;
  readonly text: string;
}

/** As many stay in one chain, where people can read them. */
const FLAT = 32;
const WIDTH = 16;

interface Branch {
  readonly first: number;
  readonly last: number;
  readonly rules: readonly TreeRule[];
}

/** Chains by their names, the root first; `fullName` makes what stands behind `-g`. At most 28 characters are a chain's name. */
export function portTree(
  root: string,
  rules: readonly PortRule[],
  fullName: (chain: string) => string,
): Readonly<Record<string, readonly TreeRule[]>> {
  if (rules.length <= FLAT) return { [root]: rules.map(({ owner, text }) => ({ owner, text })) };
  const chains: Record<string, readonly TreeRule[]> = { [root]: [] };
  const tops = [...grouped(rules, ({ protocol }) => protocol)].sort(([a], [b]) => (a < b ? -1 : 1));
  chains[root] = tops.flatMap(([protocol, own]) => {
    let branches = leavesOf(own);
    for (let level = 'a'; ; level = String.fromCharCode(level.charCodeAt(0) + 1)) {
      const jumps = branches.map(({ first, last, rules }): TreeRule => {
        const chain = `${root}-${protocol}${first}${level}`;
        chains[chain] = rules;
        const range = first === last ? `${first}` : `${first}:${last}`;
        return { text: `-p ${protocol} -m ${protocol} --dport ${range} -g ${fullName(chain)}` };
      });
      if (jumps.length <= WIDTH) return jumps;
      branches = chunks(jumps.map((jump, i) => ({ jump, branch: branches[i]! }))).map((part) => ({
        first: part[0]!.branch.first,
        last: part.at(-1)!.branch.last,
        rules: part.map(({ jump }) => jump),
      }));
    }
  });
  return chains;
}

/** A port may be published on several addresses: its rules stay together. */
function leavesOf(rules: readonly PortRule[]): readonly Branch[] {
  const ports = [...grouped(rules, ({ published }) => published)].sort(([a], [b]) => a - b);
  return chunks(ports).map((part) => ({
    first: part[0]![0],
    last: part.at(-1)![0],
    rules: part.flatMap(([, own]) => own.map(({ owner, text }) => ({ owner, text }))),
  }));
}

function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / WIDTH) }, (_, i) => items.slice(i * WIDTH, (i + 1) * WIDTH));
}
