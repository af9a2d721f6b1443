/**
 * Who knows what: containers with the same networks, the same servers of their own (`dns`) and the same links share a view, and each
 * view has a name server. So a name is answered to those who share a network with its bearer, and to nobody else; a link's alias to
 * those who have the link.
 */
import { createHash } from 'node:crypto';
import type { DesiredContainer } from '../../src/model/desired.ts';
import { findAddress, isIpv6 } from '../network/addresses.ts';
import { isWithoutGateway, type Records } from '../network/index.ts';
import type { ContainerRecord, NetworkRecord } from '../state/records.ts';

/** Where the name server of a view with one network and nothing special listens; the others have ports of their own. */
export const PLAIN_PORT = 53;
const FIRST_PORT = 10_053;

export interface View {
  /** 8 hexadecimal digits; it becomes a folder's name. */
  readonly key: string;
  readonly networks: readonly NetworkRecord[];
  /** Some of its networks lead outside. */
  readonly open: boolean;
  /** To ask instead of the host's. */
  readonly upstreams: readonly string[];
  /** Those of its containers that say more than the networks' names do. */
  readonly links: DesiredContainer['links'];
  readonly isPlain: boolean;
  /** Absent: its server listens at the gateways of its networks. Else some of them has none, and it listens on the host's loopback. */
  readonly loopback?: string;
}

/** Undefined for a container without a network of its own. */
export function viewOf(record: ContainerRecord, { networks, containers }: Records): View | undefined {
  const { endpoints, madeFrom } = record;
  const own = serving(endpoints.flatMap(({ network }) => networks.find(({ name }) => name === network) ?? []));
  const main = mainNetwork(own);
  if (main === undefined) return undefined;
  // 127.0.0.11 is led to an IPv4 address; without one, its resolv.conf names the gateway itself, at the usual port.
  const loopback = loopbackOf(own);
  const seen = loopback !== undefined || endpoints.some(({ ipv4 }) => ipv4 !== undefined) ? sorted(own) : [main];
  const open = seen.some(({ madeFrom }) => !madeFrom.internal);
  const upstreams = open && seen.length === own.length ? madeFrom.dns.servers.filter(findAddress) : [];
  const links = seen.length === own.length ? madeFrom.links.filter((link) => saysMore(link, containers)) : [];
  const names = seen.map(({ name }) => name);
  const text = JSON.stringify([names, open, upstreams, links]);
  const key = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const isPlain = seen.length === 1 && upstreams.length === 0 && links.length === 0 && loopback === undefined;
  return { key, networks: seen, open, upstreams, links, isPlain, ...(loopback && { loopback }) };
}

/** Most links are to a service by its own name, which everybody on the network knows. */
function saysMore(
  { container, aliases: [alias = container] }: DesiredContainer['links'][number],
  containers: readonly ContainerRecord[],
): boolean {
  const target = containers.find(({ name }) => name === container);
  return alias !== container && target?.endpoints.every(({ aliases }) => !aliases.includes(alias)) === true;
}

/**
 * A name server listens at the gateway's address: where a bridge has none, there is no name server. A container that is upon a parent
 * (macvlan, ipvlan) cannot reach this host at all: its supervisor passes its questions on (names.c).
 */
const serving = (networks: readonly NetworkRecord[]): readonly NetworkRecord[] =>
  networks.filter(
    ({ madeFrom, subnets, parent }) =>
      parent !== undefined || !isWithoutGateway(madeFrom, subnets.some(({ subnet }) => !isIpv6(subnet)) ? 4 : 6),
  );

/** Of 127.128.0.0/9, by a random id: no other instance listens there, and hardly anybody else. */
function loopbackOf(networks: readonly NetworkRecord[]): string | undefined {
  const [first] = sorted(networks.filter(({ parent }) => parent !== undefined));
  if (first === undefined) return undefined;
  const digest = createHash('sha256').update(first.id).digest();
  return `127.${128 + (digest[0]! & 127)}.${digest[1]!}.${1 + (digest[2]! % 254)}`;
}

const sorted = (networks: readonly NetworkRecord[]) => [...networks].sort((a, b) => (a.name < b.name ? -1 : 1));

/** The first that leads outside is asked. */
const mainNetwork = (own: readonly NetworkRecord[]): NetworkRecord | undefined =>
  own.find(({ madeFrom }) => !madeFrom.internal) ?? own[0];

export interface Resolver {
  readonly address: string;
  readonly port: number;
  /** It is out of the container's reach: its supervisor passes questions on. */
  readonly isRelayed?: true;
}

/** The name server that a container asks: on the gateway of its first network. Undefined: it has none, and asks whom the host asks. */
export function resolverOf(record: ContainerRecord, records: Records): Resolver | undefined {
  const view = viewOf(record, records);
  if (view === undefined) return undefined;
  if (view.loopback !== undefined) return { address: view.loopback, port: portOf(record, view), isRelayed: true };
  const { networks } = records;
  const own = serving(record.endpoints.flatMap(({ network }) => networks.find(({ name }) => name === network) ?? []));
  const hasIpv4 = record.endpoints.some(({ ipv4 }) => ipv4 !== undefined);
  const candidates = hasIpv4 ? own.filter(({ subnets }) => subnets.some(({ subnet }) => !isIpv6(subnet))) : own;
  const gateways = mainNetwork(candidates)?.subnets ?? [];
  const gateway = gateways.find(({ subnet }) => isIpv6(subnet) !== hasIpv4) ?? gateways[0];
  return gateway && { address: gateway.gateway, port: portOf(record, view) };
}

export const portOf = ({ resolverPort }: ContainerRecord, { isPlain }: Pick<View, 'isPlain'>): number =>
  isPlain ? PLAIN_PORT : (resolverPort ?? FIRST_PORT);

/**
 * `wanted` with the ports of their views: that of others in the view, or the lowest that no other view has. `records`: of the whole
 * instance, read under a lock that is held until these are written.
 */
export function allotResolverPorts(wanted: readonly ContainerRecord[], records: Records): readonly ContainerRecord[] {
  const ports = new Map<string, number>();
  for (const record of records.containers) {
    const view = record.wanted ? viewOf(record, records) : undefined;
    if (view && !view.isPlain && record.resolverPort !== undefined) ports.set(view.key, record.resolverPort);
  }
  return wanted.map(({ resolverPort: _, ...record }) => {
    const view = viewOf(record, records);
    if (view === undefined || view.isPlain) return record;
    const port = ports.get(view.key) ?? lowestFree(new Set(ports.values()));
    ports.set(view.key, port);
    return { ...record, resolverPort: port };
  });
}

function lowestFree(taken: ReadonlySet<number>): number {
  let port = FIRST_PORT;
  while (taken.has(port)) port++;
  return port;
}

export const needsPort = (record: ContainerRecord, records: Records): boolean =>
  viewOf(record, records)?.isPlain === false;
