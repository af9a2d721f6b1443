/**
 * The rules of an instance as a pure function of its records. Every rule is in a chain of the instance's own; the kernel's chains only
 * get jumps to them.
 *
 *   mangle FORWARD  GUARD    what must not be: drops here hold whatever others accept in `filter`, other instances and Docker included
 *   mangle INPUT    LOCAL    who may not talk to this host's addresses on bridges, and on loopback
 *   filter FORWARD  FORWARD  accepts what the guard has let by, on hosts that drop by default
 *   filter INPUT    INPUT    accepts questions to the name server on such hosts
 *   nat    PREROUTING, OUTPUT  PORTS  port maps; LOOPBACK: those of 127.0.0.0/8, led to from OUTPUT alone: nobody outside can match them
 *                            Many of them: a tree of chains below (port-tree.ts)
 *   nat    POSTROUTING       SOURCE   whose address is hidden behind the host's
 *
 * Each rule carries a comment: instance, owner, and a digest of the rule, by which damage is found whatever the wording that
 * iptables-save prefers.
 */
import { createHash } from 'node:crypto';
import type { LivePort } from '../../src/model/live.ts';
import type { ContainerRecord, NetworkRecord } from '../state/records.ts';
import { isIpv6 } from './addresses.ts';
import type { Records } from './endpoints.ts';
import { grouped } from './grouped.ts';
import { linkRules } from './link-rules.ts';
import { isUponParent, publishedEndpoint } from './main-endpoint.ts';
import { bridgePrefix, owned } from './names.ts';
import { optionsOf } from './options.ts';
import { isBridge } from './parent-options.ts';
import { type PortRule, portTree } from './port-tree.ts';
import { routedRules } from './routed-rules.ts';

export type Family = 4 | 6;
export const TABLES = ['mangle', 'nat', 'filter'] as const;
export type Table = (typeof TABLES)[number];
const CHAINS = {
  mangle: ['GUARD', 'LOCAL'],
  nat: ['PORTS', 'LOOPBACK', 'SOURCE'],
  filter: ['FORWARD', 'INPUT'],
} as const satisfies Record<Table, readonly string[]>;

export interface Rule {
  /** Full name: `TC-1a2b-GUARD`, or one of the kernel's for a jump. */
  readonly chain: string;
  readonly text: string;
  readonly owner: string;
  /** What stands in the comment. */
  readonly tag: string;
}

export interface TableRules {
  readonly chains: readonly string[];
  readonly rules: readonly Rule[];
  readonly jumps: readonly (Rule & { readonly place: 'first' | 'last' })[];
}

export type Firewall = Readonly<Record<Table, TableRules>>;

interface Scope {
  readonly family: Family;
  readonly instance: string;
  /** Together they match every bridge of the instance: those of our naming, and each that the user has named. */
  readonly bridges: readonly string[];
  /** Those with bridges. */
  readonly networks: readonly NetworkRecord[];
  /** All. */
  readonly known: ReadonlyMap<string, NetworkRecord>;
  readonly containers: readonly ContainerRecord[];
}

/** Undefined: nothing is wanted of this family, so there is to be no chain either. */
export function firewallOf(records: Records, instance: string, family: Family): Firewall | undefined {
  const containers = records.containers.filter(({ wanted }) => wanted);
  const used = new Set(containers.flatMap(({ endpoints }) => endpoints.map(({ network }) => network)));
  const networks = records.networks.filter(
    ({ name, madeFrom, subnets }) =>
      isBridge(madeFrom) && used.has(name) && subnets.some(({ subnet }) => isOf(subnet, family)),
  );
  if (networks.length === 0) return undefined;
  const named = networks.map(({ bridge }) => bridge).filter((bridge) => !bridge.startsWith(bridgePrefix(instance)));
  const bridges = [`${bridgePrefix(instance)}+`, ...named.sort()];
  const known = new Map(records.networks.map((network) => [network.name, network]));
  const all = { networks: sorted(networks), containers: sorted(containers) };
  const scope: Scope = { family, instance, bridges, known, ...all };
  return {
    mangle: table(scope, 'mangle', { GUARD: guard(scope), LOCAL: local(scope) }, mangleJumps),
    nat: table(scope, 'nat', { ...ports(scope), SOURCE: source(scope) }, natJumps(family)),
    filter: table(scope, 'filter', { FORWARD: forward(scope), INPUT: input(scope) }, filterJumps),
  };
}

/** For those who look for what is left behind. */
export const isOwnChain = (chain: string, instance: string): boolean => chain.startsWith(`TC-${instance}-`);
const chainName = (instance: string, name: string): string => `TC-${instance}-${name}`;

type Draft = readonly [owner: string, text: string];
type Jump = readonly [from: string, match: string, to: string, place: 'first' | 'last'];

function table(
  scope: Scope,
  name: Table,
  drafts: Readonly<Record<string, readonly Draft[]>>,
  jumps: readonly Jump[],
): TableRules {
  const { instance } = scope;
  const own = (chain: string) => chainName(instance, chain);
  return {
    chains: [...new Set([...CHAINS[name], ...Object.keys(drafts)])].map(own),
    rules: Object.entries(drafts).flatMap(([chain, rules]) =>
      rules.map(([owner, text]) => rule(instance, own(chain), owner, text)),
    ),
    jumps: jumps.map(([from, match, to, place]) => ({
      ...rule(instance, from, 'jump', `${match}-j ${own(to)}`),
      place,
    })),
  };
}

/** The comment stands before the target, where iptables-save puts it. */
function rule(instance: string, chain: string, owner: string, text: string): Rule {
  const digest = createHash('sha1').update(`${chain} ${text}`).digest('hex').slice(0, 8);
  const tag = `${owned(instance, owner)} ${digest}`;
  return { chain, owner, tag, text: text.replace(/(^| )(-[jg]) /, `$1-m comment --comment "${tag}" $2 `) };
}

/** Owner of rules that belong to no network or container alone. */
export const SHARED = '@all';
/** A container may have the same name. */
export const networkOwner = (network: string): string => `net:${network}`;

function guard({ family, bridges, networks, known, containers }: Scope): readonly Draft[] {
  const internal = networks.filter(({ madeFrom }) => madeFrom.internal);
  const open = networks.filter((network) => !isIsolated(network));
  const unprotected = networks.filter(({ madeFrom }) => optionsOf(madeFrom).unprotected[family]);
  return [
    ...internal.flatMap(({ name, bridge }): Draft[] => [
      [networkOwner(name), `-i ${bridge} ! -o ${bridge} -j DROP`],
      [networkOwner(name), `! -i ${bridge} -o ${bridge} -j DROP`],
    ]),
    // What connection tracking does not know passes address translation by: it would show inside addresses outside.
    ...each(bridges, (bridge) => `-i ${bridge} ! -o ${bridge} -m conntrack --ctstate INVALID -j DROP`),
    ...each(bridges, (bridge) => `-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j RETURN`),
    // Bridged frames come here too where br_netfilter is loaded.
    ...open.map(({ name, bridge }): Draft => [networkOwner(name), `-i ${bridge} -o ${bridge} -j RETURN`]),
    ...(family === 4 ? networks.filter(isIsolated) : []).flatMap((network) =>
      linkRules(network, containers).map(({ owner, text }): Draft => [owner, text]),
    ),
    // The other networks stay apart from one that is open to the outside.
    ...unprotected.flatMap(({ name, bridge }): Draft[] => [
      ...bridges.map((from): Draft => [networkOwner(name), `-i ${from} -o ${bridge} -j DROP`]),
      [networkOwner(name), `-o ${bridge} -j RETURN`],
    ]),
    ...routedRules(networks, containers, known, family).map(
      ({ owner, text }): Draft => ['container' in owner ? owner.container : networkOwner(owner.network), text],
    ),
    ...each(bridges, (bridge) => `-o ${bridge} -j DROP`),
  ];
}

const each = (bridges: readonly string[], text: (bridge: string) => string): readonly Draft[] =>
  bridges.map((bridge) => [SHARED, text(bridge)]);

const isIsolated = ({ madeFrom }: NetworkRecord): boolean => !optionsOf(madeFrom).icc;

function local({ family, bridges, networks }: Scope): readonly Draft[] {
  return [
    [SHARED, '-i lo -j RETURN'],
    // Answers to this host's own questions, which address translation sends back to where they came from.
    [SHARED, '-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN'],
    // The price of route_localnet: without this, containers would reach what listens on the host's loopback (CVE-2020-8558).
    ...(family === 4 ? each(bridges, (bridge) => `-d 127.0.0.0/8 -i ${bridge} -j DROP`) : []),
    // Gateways are for their own networks: name servers listen there.
    ...gateways(networks, family).map(
      ([{ name, bridge }, gateway]): Draft => [networkOwner(name), `-d ${gateway} ! -i ${bridge} -j DROP`],
    ),
  ];
}

const gateways = (networks: readonly NetworkRecord[], family: Family): [NetworkRecord, string][] =>
  networks.flatMap((network) =>
    network.subnets
      .filter(({ subnet }) => isOf(subnet, family))
      .map(({ gateway }): [NetworkRecord, string] => [network, `${gateway}/${family === 4 ? 32 : 128}`]),
  );

const forward = ({ bridges }: Scope): readonly Draft[] => [
  ...each(bridges, (bridge) => `-o ${bridge} -j ACCEPT`),
  // What goes to another instance's bridge has passed that one's guard as well.
  ...each(bridges, (bridge) => `-i ${bridge} -j ACCEPT`),
];

const input = ({ bridges, containers }: Scope): readonly Draft[] =>
  resolverPorts(containers).flatMap((port) => toOwnGateway(bridges, port, 'ACCEPT'));

/** Where name servers listen: at port 53, those of several networks elsewhere (engine/dns/views.ts). */
const resolverPorts = (containers: readonly ContainerRecord[]): readonly number[] =>
  [...new Set([53, ...containers.flatMap((one) => (isUponParent(one) ? [] : (one.resolverPort ?? [])))])].sort(
    (a, b) => a - b,
  );

const toOwnGateway = (bridges: readonly string[], port: number, target: string): readonly Draft[] =>
  ['udp', 'tcp'].flatMap((protocol) =>
    each(
      bridges,
      (bridge) =>
        `-i ${bridge} -p ${protocol} -m addrtype --dst-type LOCAL --limit-iface-in -m ${protocol} --dport ${port} -j ${target}`,
    ),
  );

function source({ family, bridges, networks }: Scope): readonly Draft[] {
  const rules: Draft[] = [];
  // From this host's loopback, or back to where it came from: the answer must come by way of this host again.
  if (family === 4) rules.push(...each(bridges, (bridge) => `-s 127.0.0.0/8 -o ${bridge} -j MASQUERADE`));
  for (const { name, bridge, subnets, madeFrom } of networks.filter((network) => !network.madeFrom.internal)) {
    const { masquerade, routed, source: own } = optionsOf(madeFrom);
    if (routed[family]) continue;
    const hide = own[family] === undefined ? 'MASQUERADE' : `SNAT --to-source ${own[family]}`;
    for (const { subnet } of subnets.filter((candidate) => isOf(candidate.subnet, family))) {
      rules.push([networkOwner(name), `-s ${subnet} -o ${bridge} -m conntrack --ctstate DNAT -j MASQUERADE`]);
      if (masquerade) rules.push([networkOwner(name), `-s ${subnet} ! -o ${bridge} -j ${hide}`]);
    }
  }
  return rules;
}

function ports({ family, instance, bridges, known, containers }: Scope): Readonly<Record<string, readonly Draft[]>> {
  const wanted = containers.flatMap((container) => {
    const endpoint = publishedEndpoint(container, known, family);
    const address = (family === 4 ? endpoint?.ipv4 : endpoint?.ipv6)?.address;
    if (address === undefined) return [];
    return container.publishers
      .filter((port) => isFor(port, family))
      .map((port) => ({ owner: container.name, startedAt: container.lastStart?.at ?? '', port, address }));
  });
  // Of several with one port the last that was started has it: the others have ended, and their records say what they had.
  const maps = [...grouped(wanted, ({ port }) => `${port.protocol} ${port.published}`).values()].flatMap((same) =>
    same.length === 1
      ? same
      : [...same].sort((a, b) => (a.startedAt > b.startedAt ? -1 : a.startedAt < b.startedAt ? 1 : 0)),
  );
  const isLoopback = ({ port }: (typeof maps)[number]) => port.hostIp.startsWith('127.') || port.hostIp === '::1';
  const tree = (root: string, chosen: typeof maps) => {
    const rules = chosen.map(({ owner, port, address }): PortRule => {
      const { protocol, published } = port;
      return { owner, protocol, published, text: portMap(port, address, family) };
    });
    const chains = Object.entries(portTree(root, rules, (chain) => chainName(instance, chain)));
    return Object.fromEntries(
      chains.map(([chain, own]) => [chain, own.map(({ owner = SHARED, text }): Draft => [owner, text])]),
    );
  };
  // Somebody publishes port 53: containers must still reach their own name server.
  const exempt = resolverPorts(containers)
    .filter((resolver) => maps.some(({ port }) => port.published === resolver))
    .flatMap((port) => toOwnGateway(bridges, port, 'RETURN'));
  const { PORTS = [], ...below } = tree(
    'PORTS',
    maps.filter((map) => !isLoopback(map)),
  );
  return { PORTS: [...exempt, ...PORTS], ...below, ...tree('LOOPBACK', family === 4 ? maps.filter(isLoopback) : []) };
}

function portMap({ protocol, hostIp, published, target }: LivePort, address: string, family: Family): string {
  const to = hostIp === '' || hostIp === '0.0.0.0' || hostIp === '::' ? '' : `-d ${hostIp}/${family === 4 ? 32 : 128} `;
  const inside = family === 4 ? `${address}:${target}` : `[${address}]:${target}`;
  return `${to}-p ${protocol} -m ${protocol} --dport ${published} -j DNAT --to-destination ${inside}`;
}

const isFor = ({ hostIp }: LivePort, family: Family): boolean => hostIp === '' || isOf(hostIp, family);
const isOf = (address: string, family: Family): boolean => isIpv6(address) === (family === 6);
const sorted = <T extends { readonly name: string }>(items: readonly T[]): T[] =>
  [...items].sort((a, b) => (a.name < b.name ? -1 : 1));

/** First, where others could decide before us; last, where they may. */
const mangleJumps: readonly Jump[] = [
  ['FORWARD', '', 'GUARD', 'first'],
  ['INPUT', '', 'LOCAL', 'first'],
];
const filterJumps: readonly Jump[] = [
  ['FORWARD', '', 'FORWARD', 'first'],
  ['INPUT', '', 'INPUT', 'first'],
];
const natJumps = (family: Family): readonly Jump[] =>
  family === 4
    ? [
        ['PREROUTING', '! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL ', 'PORTS', 'last'],
        ['OUTPUT', '-d 127.0.0.0/8 ', 'LOOPBACK', 'last'],
        ['OUTPUT', '-m addrtype --dst-type LOCAL ', 'PORTS', 'last'],
        ['POSTROUTING', '', 'SOURCE', 'last'],
      ]
    : [
        // What is sent to ::1 cannot leave this host, whatever its destination becomes: the supervisor relays it (relay.c).
        ['PREROUTING', '-m addrtype --dst-type LOCAL ', 'PORTS', 'last'],
        ['OUTPUT', '! -d ::1/128 -m addrtype --dst-type LOCAL ', 'PORTS', 'last'],
        ['POSTROUTING', '', 'SOURCE', 'last'],
      ];
