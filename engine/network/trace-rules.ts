/**
 * Which rules a packet meets, by what iptables-save -c prints: every chain of every program is walked, not only ours. What a rule asks
 * of a packet that is not known here (marks, sets, limits, owners) leaves it uncertain: it is passed over, and told if it would drop.
 */
import type { TraceRule } from '../../src/model/trace.ts';
import { contains, findAddress, findPrefix } from './addresses.ts';

export interface SavedRules {
  /** `filter FORWARD` → its rules, in order. */
  readonly chains: ReadonlyMap<string, readonly SavedRule[]>;
  /** `filter FORWARD` → `DROP`. */
  readonly policies: ReadonlyMap<string, string>;
}
interface SavedRule {
  readonly text: string;
  readonly packets: number;
}

export interface Packet {
  readonly in: string;
  readonly out: string;
  readonly source: string;
  readonly destination: string;
  readonly protocol: string;
  readonly port: number;
  /** Of connection tracking: `NEW`, and `DNAT` once the destination was translated. */
  readonly states: readonly string[];
  readonly isLocal: (address: string) => boolean;
}

export interface Walk {
  readonly met: readonly TraceRule[];
  readonly uncertain: readonly TraceRule[];
  /** Undefined: nobody decided; the chain's policy accepts. */
  readonly verdict?: TraceRule;
  /** `172.18.0.2:80`, of a DNAT. */
  readonly ledTo?: string;
}

export function parseRules(text: string): SavedRules {
  const chains = new Map<string, SavedRule[]>();
  const policies = new Map<string, string>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    const [, chain, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (chain !== undefined) {
      chains.set(`${table} ${chain}`, []);
      if (policy !== '-') policies.set(`${table} ${chain}`, policy!);
    }
    const [, packets, into, rule] = /^\[(\d+):\d+\] -A (\S+) ?(.*)$/.exec(line) ?? [];
    if (into !== undefined) chains.get(`${table} ${into}`)?.push({ text: rule!, packets: Number(packets) });
  }
  return { chains, policies };
}

/** Undefined where it cannot be told. */
export function matches(text: string, packet: Packet): boolean | undefined {
  const words = wordsOf(text);
  let certain = true;
  for (let i = 0; i < words.length; i++) {
    let negated = false;
    if (words[i] === '!') {
      negated = true;
      i++;
    }
    const option = words[i]!;
    if (option === '-j' || option === '-g') break;
    if (option === '-m' || option === '--comment') {
      i++;
      continue;
    }
    if (option === '--limit-iface-in' || option === '--limit-iface-out') continue;
    const found = test(option, words[i + 1] ?? '', packet);
    i++;
    if (found === undefined) certain = false;
    else if (found === negated) return false;
  }
  return certain ? true : undefined;
}

/** One option of a rule. Undefined: not known here. */
function test(option: string, value: string, packet: Packet): boolean | undefined {
  if (option === '-i') return nameMatches(value, packet.in);
  if (option === '-o') return nameMatches(value, packet.out);
  if (option === '-s') return within(packet.source, value);
  if (option === '-d') return within(packet.destination, value);
  if (option === '-p') return value === 'all' || value === packet.protocol;
  if (option === '--dport' || option === '--dports')
    return value.split(',').some((range) => inRange(packet.port, range));
  if (option === '--ctstate' || option === '--state')
    return value.split(',').some((state) => packet.states.includes(state));
  if (option === '--dst-type' && value === 'LOCAL') return packet.isLocal(packet.destination);
  if (option === '--src-type' && value === 'LOCAL') return packet.isLocal(packet.source);
  return undefined;
}

const nameMatches = (pattern: string, name: string): boolean =>
  pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;

function within(address: string, prefix: string): boolean {
  const [found, known] = [
    findAddress(address),
    findPrefix(prefix) ?? findPrefix(`${prefix}/${prefix.includes(':') ? 128 : 32}`),
  ];
  return found !== undefined && known !== undefined && contains(known, found);
}

function inRange(port: number, range: string): boolean {
  const [from, to = from] = range.split(':').map(Number);
  return port >= from! && port <= to!;
}

/** Quoted texts are one word. */
const wordsOf = (text: string): readonly string[] => text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];

const FINAL = new Set(['ACCEPT', 'DROP', 'REJECT', 'DNAT', 'REDIRECT', 'QUEUE', 'NFQUEUE']);
/** They act and the walk goes on. */
const PASSING = new Set([
  'LOG',
  'NFLOG',
  'MARK',
  'CONNMARK',
  'TRACE',
  'CT',
  'TCPMSS',
  'TOS',
  'DSCP',
  'CHECKSUM',
  'SET',
]);

/** From one of the kernel's chains (`filter FORWARD`) until somebody decides. `before`: earlier counters, by `chain text`. */
export function walk(rules: SavedRules, start: string, packet: Packet, before: ReadonlyMap<string, number>): Walk {
  const [table = ''] = start.split(' ');
  const met: TraceRule[] = [];
  const uncertain: TraceRule[] = [];
  /** Undefined: it came back to who called. */
  const visit = (chain: string, depth: number): TraceRule | undefined => {
    for (const { text, packets } of rules.chains.get(chain) ?? []) {
      const does = matches(text, packet);
      if (does === false) continue;
      const words = wordsOf(text);
      const at = words.findIndex((word) => word === '-j' || word === '-g');
      const target = at < 0 ? '' : words[at + 1]!;
      const rule: TraceRule = {
        chain,
        text,
        packets,
        target,
        rose: packets > (before.get(`${chain} ${text}`) ?? packets),
      };
      if (does === undefined) {
        if (target === 'DROP' || target === 'REJECT') uncertain.push(rule);
        continue;
      }
      if (FINAL.has(target)) {
        met.push(rule);
        return rule;
      }
      if (target === 'RETURN') {
        met.push(rule);
        return undefined;
      }
      if (PASSING.has(target) || target === '' || depth > 30) continue;
      const decided = visit(`${table} ${target}`, depth + 1);
      if (decided !== undefined || words[at] === '-g') return decided;
    }
    return undefined;
  };
  const found = visit(start, 0) ?? byPolicy(rules, start);
  const ledTo = found?.target === 'DNAT' ? / --to-destination (\S+)/.exec(found.text)?.[1] : undefined;
  return { met, uncertain, ...(found && { verdict: found }), ...(ledTo !== undefined && { ledTo }) };
}

function byPolicy({ policies }: SavedRules, chain: string): TraceRule | undefined {
  if (policies.get(chain) !== 'DROP') return undefined;
  return { chain, text: `policy DROP of the chain ${chain.split(' ')[1]}`, packets: 0, target: 'DROP', rose: false };
}

/** `chain text` → packets, for a later look. */
export const countersOf = ({ chains }: SavedRules): ReadonlyMap<string, number> =>
  new Map(
    [...chains].flatMap(([chain, rules]) => rules.map(({ text, packets }) => [`${chain} ${text}`, packets] as const)),
  );
