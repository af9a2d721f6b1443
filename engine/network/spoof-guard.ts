/**
 * What containers may say of themselves on their networks, as a table of nftables' family `bridge`: a pure function of the records.
 * Frames of a veth of ours pass with its own hardware address, and as addresses (sender of IPv4, IPv6 and ARP, target of a neighbour
 * advertisement) with those of its container. One table an instance, `tcompose-INSTANCE`, written whole each time.
 *
 * A container whose sysctls turn on forwarding is a router: it may also pass on what is of none of the instance's subnets, and on each
 * of its networks what lives on its others.
 */
import type { ContainerRecord, NetworkRecord } from '../state/records.ts';
import { addressBytes, findPrefix, isIpv6, macBytes } from './addresses.ts';
import type { Records } from './endpoints.ts';
import {
  batch,
  be16,
  type Expression,
  equals,
  FAMILY,
  HEADER_OF,
  isIn,
  load,
  META_KEY,
  masked,
  meta,
  nftTable,
  REGISTER,
  verdict,
} from './nft.ts';
import { optionsOf } from './options.ts';
import { isBridge } from './parent-options.ts';

export interface GuardedPort {
  /** The host's side of a pair. */
  readonly link: string;
  readonly macs: readonly string[];
  readonly addresses: readonly string[];
  readonly isRouter: boolean;
  /** Of a router: subnets of the other networks that it is on. */
  readonly behind: readonly string[];
}

export interface SpoofGuard {
  readonly ports: readonly GuardedPort[];
  /** Nobody passes on what comes from here: who lives there speaks for itself. */
  readonly subnets: readonly string[];
}

/** Networks may go without (`tcompose.anti_spoofing: "false"`). */
export function guardOf(records: Records): SpoofGuard {
  const ports = guardedPorts(records);
  const used = new Set(ports.map(({ network }) => network));
  const subnets = records.networks.flatMap(({ name, subnets }) => (used.has(name) ? subnets : []));
  return {
    ports: ports.map(({ network: _, ...port }) => port).sort((a, b) => (a.link < b.link ? -1 : 1)),
    subnets: [...new Set(subnets.map(({ subnet }) => subnet))].sort(),
  };
}

/** Names of those whose containers it holds to their addresses. */
export const guardedNetworks = (records: Records): Set<string> =>
  new Set(guardedPorts(records).map(({ network }) => network));

function guardedPorts({ networks, containers }: Records): readonly (GuardedPort & { readonly network: string })[] {
  const guarded = new Set(
    networks.filter(({ madeFrom }) => isBridge(madeFrom) && optionsOf(madeFrom).antiSpoofing).map(({ name }) => name),
  );
  return containers
    .filter(({ wanted }) => wanted)
    .flatMap((container) => portsOf(container, networks).filter(({ network }) => guarded.has(network)));
}

/** While a container is changed it may have what it had. Any of its addresses may be used on any of its networks (RFC 1122 3.3.4.2). */
function portsOf(
  { endpoints, before = [], madeFrom }: ContainerRecord,
  networks: readonly NetworkRecord[],
): (GuardedPort & { readonly network: string })[] {
  const all = [...endpoints, ...before];
  const given = all.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].flatMap((one) => one?.address ?? []));
  const asked = madeFrom.attachments.flatMap(({ linkLocalIps = [] }) => linkLocalIps);
  const isRouter = FORWARDING.some((key) => /^[1-9]/.test(madeFrom.sysctls[key] ?? ''));
  const links = new Set(all.flatMap(({ hostInterface }) => hostInterface || []));
  return [...links].map((link) => {
    const same = all.filter(({ hostInterface }) => hostInterface === link);
    const macs = [...new Set(same.map(({ mac }) => mac))];
    const own = same.some(({ ipv6 }) => ipv6) ? macs.map(linkLocalOf) : [];
    const addresses = [...new Set([...given, ...asked, ...own])];
    const { network } = same[0]!;
    const others = networks.filter(({ name }) => name !== network && all.some((one) => one.network === name));
    const behind = isRouter ? others.flatMap(({ subnets }) => subnets.map(({ subnet }) => subnet)) : [];
    return { network, link, macs, addresses, isRouter, behind };
  });
}

/** Told by the author of the file, so nothing that a program inside could say. */
const FORWARDING = ['net.ipv4.ip_forward', 'net.ipv4.conf.all.forwarding', 'net.ipv6.conf.all.forwarding'];

/** RFC 4291 appendix A: what the kernel makes of a hardware address by itself. */
function linkLocalOf(mac: string): string {
  const [a, b, c, d, e, f] = [...macBytes(mac)] as [number, number, number, number, number, number];
  const group = (high: number, low: number) => ((high << 8) | low).toString(16);
  return `fe80::${group(a ^ 2, b)}:${group(c, 0xff)}:${group(0xfe, d)}:${group(e, f)}`;
}

const CHAIN = 'from-containers';
const NF_BR_PRE_ROUTING = 0;
/** Before everything, br_netfilter included. */
const PRIORITY = -300;
/** linux/if_ether.h */
const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd, tagged: [0x8100, 0x88a8] } as const;
const ICMPV6 = 58;
const [ROUTER_ADVERTISEMENT, NEIGHBOUR_ADVERTISEMENT, REDIRECT] = [134, 136, 137];

/** Names of types and their numbers are nft's (datatype.h), for who lists the table: a concatenation is six bits a part. */
const TYPE = { ipv4: 7, ipv6: 8, ether: 9, ifname: 41 } as const;
const [NAME_LENGTH, MAC_LENGTH] = [16, 8];
const pair = (second: number): number => (TYPE.ifname << 6) | second;
const SETS = {
  ports: { id: 1, keyType: TYPE.ifname, keyLength: NAME_LENGTH },
  routers: { id: 2, keyType: TYPE.ifname, keyLength: NAME_LENGTH },
  hardware: { id: 3, keyType: pair(TYPE.ether), keyLength: NAME_LENGTH + MAC_LENGTH },
  ipv4: { id: 4, keyType: pair(TYPE.ipv4), keyLength: NAME_LENGTH + 4 },
  ipv6: { id: 5, keyType: pair(TYPE.ipv6), keyLength: NAME_LENGTH + 16 },
} as const;
type SetName = keyof typeof SETS;

export const guardTable = (instance: string): string => `tcompose-${instance}`;

/** As many elements of one set in a transaction: the kernel takes some 200 KiB at once. */
const MOST = 800;

/**
 * Transactions, one after the other. A port is guarded from the one on that has all of its own: nothing true is ever dropped.
 * No port: the table goes.
 */
export function guardBatches(instance: string, guard: SpoofGuard): readonly Uint8Array[] {
  const { remove, makeAnew, chain, rule, set, elements } = nftTable(FAMILY.BRIDGE, guardTable(instance));
  if (guard.ports.length === 0) return [batch(remove)];
  const frame = [
    ...makeAnew,
    ...Object.entries(SETS).map(([name, shape]) => set(name, shape)),
    chain(CHAIN, { type: 'filter', hook: NF_BR_PRE_ROUTING, priority: PRIORITY }),
    ...rules(guard).map((expressions) => rule(CHAIN, expressions)),
  ];
  const fill = (ports: readonly GuardedPort[]) =>
    Object.entries(keysOf(ports)).flatMap(([name, keys]) =>
      Array.from({ length: Math.ceil(keys.length / MOST) }, (_, i) =>
        elements(name, keys.slice(i * MOST, (i + 1) * MOST)),
      ),
    );
  const [first = [], ...others] = portions(guard.ports);
  return [batch([...frame, ...fill(first)]), ...others.map((ports) => batch(fill(ports)))];
}

function portions(ports: readonly GuardedPort[]): readonly (readonly GuardedPort[])[] {
  const all: GuardedPort[][] = [];
  let room = 0;
  for (const port of ports) {
    if (all.length === 0 || room < port.addresses.length) {
      all.push([]);
      room = MOST;
    }
    all.at(-1)!.push(port);
    room -= port.addresses.length + 1;
  }
  return all;
}

function keysOf(ports: readonly GuardedPort[]): Record<SetName, readonly Uint8Array[]> {
  const pairs = (values: (port: GuardedPort) => readonly Uint8Array[]) =>
    ports.flatMap((port) => values(port).map((value) => Buffer.concat([nameBytes(port.link), value])));
  const addresses = (family: 4 | 6) =>
    pairs((port) => port.addresses.filter((one) => isIpv6(one) === (family === 6)).map(addressBytes));
  return {
    ports: ports.map(({ link }) => nameBytes(link)),
    routers: ports.filter(({ isRouter }) => isRouter).map(({ link }) => nameBytes(link)),
    hardware: pairs(({ macs }) => macs.map((mac) => filledUp(macBytes(mac), MAC_LENGTH))),
    ipv4: addresses(4),
    ipv6: addresses(6),
  };
}

const nameBytes = (name: string): Uint8Array => filledUp(Buffer.from(name), NAME_LENGTH);

function filledUp(bytes: Uint8Array, length: number): Uint8Array {
  const filled = new Uint8Array(length);
  filled.set(bytes);
  return filled;
}

/** Beside each, what nft(8) would call it. */
function rules({ subnets, ports }: SpoofGuard): readonly (readonly Expression[])[] {
  const [drop, accept] = [verdict('drop'), verdict('accept')];
  const input = meta(META_KEY.inputName);
  const isNot = { inverted: true };
  const protocol = (type: number): readonly Expression[] => [meta(META_KEY.protocol), equals(be16(type))];
  const [arp, ipv4, ipv6] = [ETHERTYPE.arp, ETHERTYPE.ipv4, ETHERTYPE.ipv6].map(protocol) as [
    readonly Expression[],
    readonly Expression[],
    readonly Expression[],
  ];
  const network = (offset: number, length: number) => load(HEADER_OF.network, offset, length, REGISTER.behindFirst);
  const icmp = [...ipv6, meta(META_KEY.l4Protocol), equals(Uint8Array.of(ICMPV6))];
  const icmpOf = (type: number) => [...icmp, load(HEADER_OF.transport, 0, 1), equals(Uint8Array.of(type))];
  const source = { 4: [12, 4], 6: [8, 16] } as const;
  const others = [input, isIn('routers', isNot), drop];
  const behind = (family: 4 | 6): readonly (readonly Expression[])[] =>
    ports.flatMap((port) =>
      port.behind
        .filter((subnet) => isIpv6(subnet) === (family === 6))
        .map((subnet) => [
          ...(family === 4 ? ipv4 : ipv6),
          input,
          equals(nameBytes(port.link)),
          ...isWithin(subnet, source[family]),
          accept,
        ]),
    );
  const lives = (family: 4 | 6): readonly (readonly Expression[])[] =>
    [...subnets, 'fe80::/10']
      .filter((subnet) => isIpv6(subnet) === (family === 6))
      .map((subnet) => [...(family === 4 ? ipv4 : ipv6), ...isWithin(subnet, source[family]), drop]);
  return [
    // iifname != @ports accept
    [input, isIn('ports', isNot), accept],
    // iifname . ether saddr != @hardware drop
    [input, load(HEADER_OF.link, 6, 6, REGISTER.behindFirst), isIn('hardware', isNot), drop],
    // A second tag: what is in it could not be seen here, and the receiver takes it off.
    ...ETHERTYPE.tagged.map((type) => [...protocol(type), drop]),
    // arp: iifname . arp saddr ether != @hardware drop; arp saddr ip 0.0.0.0 (a probe, RFC 5227) accept; iifname . arp saddr ip != @ipv4 drop
    [...arp, input, network(8, 6), isIn('hardware', isNot), drop],
    [...arp, load(HEADER_OF.network, 14, 4), equals(new Uint8Array(4)), accept],
    [...arp, input, network(14, 4), isIn('ipv4', isNot), drop],
    // ip: iifname . ip saddr @ipv4 accept; iifname != @routers drop
    [...ipv4, input, network(...source[4]), isIn('ipv4'), accept],
    [...ipv4, ...others],
    ...behind(4),
    ...lives(4),
    // icmpv6 type nd-router-advert, nd-redirect: iifname != @routers drop; nd-neighbor-advert: iifname . nd target != @ipv6 drop
    [...icmpOf(ROUTER_ADVERTISEMENT!), ...others],
    [...icmpOf(REDIRECT!), ...others],
    [
      ...icmpOf(NEIGHBOUR_ADVERTISEMENT!),
      input,
      load(HEADER_OF.transport, 8, 16, REGISTER.behindFirst),
      isIn('ipv6', isNot),
      drop,
    ],
    // ip6: iifname . ip6 saddr @ipv6 accept; ip6 saddr :: (who looks whether an address is free) l4proto icmpv6 accept
    [...ipv6, input, network(...source[6]), isIn('ipv6'), accept],
    [...icmp, load(HEADER_OF.network, ...source[6]), equals(new Uint8Array(16)), accept],
    [...ipv6, ...others],
    ...behind(6),
    ...lives(6),
  ];
}

function isWithin(subnet: string, [offset, length]: readonly [number, number]): readonly Expression[] {
  const { length: bits } = findPrefix(subnet)!;
  const mask = Uint8Array.from({ length }, (_, i) => (0xff << (8 - Math.min(8, Math.max(0, bits - i * 8)))) & 0xff);
  const base = addressBytes(subnet.split('/')[0]!).map((byte, i) => byte & mask[i]!);
  return [load(HEADER_OF.network, offset, length), masked(mask), equals(base)];
}
