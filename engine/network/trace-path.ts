/** How a connection crosses this host, and which rules it meets there. */
import { readFileSync } from 'node:fs';
import type { TraceRequest, TraceRule, TraceRules } from '../../src/model/trace.ts';
import type { ContainerRecord } from '../state/records.ts';
import { contains, findAddress, findPrefix, isIpv6 } from './addresses.ts';
import { damageOf } from './damage.ts';
import type { Records } from './endpoints.ts';
import type { NetworkFacts } from './facts.ts';
import { runProgram } from './programs.ts';
import { countersOf, type Packet, parseRules, type SavedRules, walk } from './trace-rules.ts';

export async function readRules(ipv6: boolean): Promise<SavedRules> {
  return parseRules((await runProgram(ipv6 ? 'ip6tables-save' : 'iptables-save', ['-c'])).output);
}

export interface Crossing {
  readonly records: Records;
  readonly facts: NetworkFacts;
  readonly instance: string;
  /** As they were before it was tried. */
  readonly before: SavedRules;
  readonly request: TraceRequest;
  readonly address: string;
  readonly port: number;
  /** Whose networks they are, where these are containers. */
  readonly asker?: ContainerRecord;
  readonly target?: ContainerRecord;
  /** Of the asker, towards that address. */
  readonly source?: string;
  /** The device of the default route. */
  readonly outside?: string;
}

const PATHS = {
  forward: ['mangle FORWARD', 'filter FORWARD'],
  input: ['mangle INPUT', 'filter INPUT'],
  output: ['mangle OUTPUT', 'filter OUTPUT'],
} as const;

export async function rulesOf(crossing: Crossing): Promise<TraceRules> {
  const { facts, address, asker, request, source = '' } = crossing;
  const ipv6 = isIpv6(address);
  const rules = await readRules(ipv6);
  const before = countersOf(crossing.before);
  const from = bridgeOf(source, crossing);
  const straight = bridgeOf(address, crossing);
  const isolated = isIsolated(crossing, from);
  const isBridged = asker !== undefined && from !== undefined && from === straight;
  const rest = { missing: missingFor(crossing), ...(isBridged && isolated && { isolated: true as const }) };
  if (isBridged && !bridgedFramesSeen(ipv6))
    return { path: 'bridged', met: [], verdict: 'passes', uncertain: [], ...rest };
  if (asker !== undefined && isUpon(source, asker))
    return { path: 'upon', met: [], verdict: 'passes', uncertain: [], ...rest };
  if (asker?.madeFrom.networkMode.kind === 'none')
    return { path: 'none', met: [], verdict: 'passes', uncertain: [], ...rest };

  const own = new Set([...facts.links.values()].flatMap((link) => link.addresses.map((one) => one.split('/')[0]!)));
  const fromHost = request.from.kind === 'host' || asker?.madeFrom.networkMode.kind === 'host';
  const incoming = from ?? crossing.outside ?? '';
  const packet: Packet = {
    in: fromHost ? '' : incoming,
    out: fromHost ? (straight ?? 'lo') : '',
    source: request.from.kind === 'outside' ? '' : source,
    destination: address,
    protocol: request.protocol,
    port: crossing.port,
    states: ['NEW'],
    isLocal: (one) => own.has(one) || one.startsWith('127.') || one === '::1',
  };
  const entry = fromHost ? 'OUTPUT' : 'PREROUTING';
  const stages = [];
  for (const table of ['raw', 'mangle', 'nat'].filter((name) => name !== 'mangle' || !fromHost))
    stages.push(walk(rules, `${table} ${entry}`, packet, before));
  const ledTo = stages.findLast((stage) => stage.ledTo !== undefined)?.ledTo;
  const [, inside = address, insidePort = String(crossing.port)] = /^\[?(.*?)\]?:(\d+)$/.exec(ledTo ?? '') ?? [];
  const path = fromHost ? 'output' : packet.isLocal(inside) ? 'input' : 'forward';
  const led: Packet = {
    ...packet,
    destination: inside,
    port: Number(insidePort),
    states: ledTo === undefined ? ['NEW'] : ['NEW', 'DNAT'],
    out:
      path === 'input'
        ? ''
        : (bridgeOf(inside, crossing) ?? (fromHost && packet.isLocal(inside) ? 'lo' : (crossing.outside ?? ''))),
  };
  for (const start of PATHS[path]) stages.push(walk(rules, start, led, before));
  const drop = stages.find(({ verdict }) => verdict?.target === 'DROP' || verdict?.target === 'REJECT')?.verdict;
  return {
    path,
    met: stages.flatMap(({ met }) => met),
    verdict: drop === undefined ? 'passes' : drop.target === 'DROP' ? 'dropped' : 'rejected',
    ...(drop && { droppedBy: drop }),
    uncertain: stages.flatMap(({ uncertain }): readonly TraceRule[] => uncertain),
    ...rest,
    ...(ledTo !== undefined && { ledTo }),
  };
}

/** The asker sends by an interface upon a parent: this host passes nothing on. */
const isUpon = (source: string, { endpoints }: ContainerRecord): boolean =>
  endpoints.some(
    ({ hostInterface, ipv4, ipv6 }) => hostInterface === '' && [ipv4?.address, ipv6?.address].includes(source),
  );

function bridgeOf(address: string, { records }: Crossing): string | undefined {
  const found = findAddress(address);
  const network = records.networks.find(({ subnets }) =>
    subnets.some(({ subnet }) => found !== undefined && contains(findPrefix(subnet)!, found)),
  );
  return network?.bridge || undefined;
}

const isIsolated = ({ records }: Crossing, bridge: string | undefined): boolean =>
  records.networks.find((network) => network.bridge === bridge)?.madeFrom.driverOpts[
    'com.docker.network.bridge.enable_icc'
  ] === 'false';

/** br_netfilter hands frames between ports of one bridge to the firewall. */
function bridgedFramesSeen(ipv6: boolean): boolean {
  try {
    return readFileSync(`/proc/sys/net/bridge/bridge-nf-call-ip${ipv6 ? '6' : ''}tables`, 'utf8').trim() === '1';
  } catch {
    return false;
  }
}

/** Rules and forwarding of the networks and containers on the way; links are told apart from them. */
function missingFor({ records, facts, instance, asker, target }: Crossing): readonly string[] {
  const damage = damageOf(records, facts, { instance, running: new Map(), isGuarded: true });
  const parties = [asker, target].flatMap((record) => record ?? []);
  const networks = new Set(parties.flatMap(({ endpoints }) => endpoints.map(({ network }) => network)));
  const all = [
    ...[...networks].flatMap((name) => damage.networks.get(name) ?? []),
    ...(target ? (damage.containers.get(target.name) ?? []) : []),
  ];
  const told = all.filter(({ kind, what }) => kind === 'firewall' || what.startsWith('forwarding'));
  return [...new Set(told.map(({ what }) => what))];
}
