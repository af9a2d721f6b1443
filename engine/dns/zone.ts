/** What the name servers of the instance are to know, as data: which servers there are, and the text of each of their files. */
import { findAddress, findPrefix, isIpv6 } from '../network/addresses.ts';
import type { Records } from '../network/index.ts';
import type { ContainerRecord, EndpointRecord, NetworkRecord } from '../state/records.ts';

const PROJECT_LABEL = 'com.docker.compose.project';

/** Networks that belong to no project have one server together. No project is called so. */
export const NOBODY = '_';

/**
 * `open` asks the host's servers what it does not know. `internal` asks nobody: what is cut off from the outside must not send
 * anything there in the clothes of a question (CVE-2024-29018).
 */
export type ServerKind = 'open' | 'internal';

export interface Server {
  readonly owner: string;
  readonly kind: ServerKind;
  /** It answers on their bridges, and nowhere else. */
  readonly bridges: readonly string[];
  /** To ask instead of the host's: those that the project's containers ask for with `dns`. */
  readonly upstreams: readonly string[];
}

export interface Zone {
  readonly owner: string;
  readonly servers: readonly Server[];
  /** Text by network. */
  readonly hosts: ReadonlyMap<string, string>;
  /** dnsmasq's servers-file: what is answered here or not at all. */
  readonly routes: string;
}

/** It becomes a folder's name. */
const labelled = ({ madeFrom }: NetworkRecord | ContainerRecord): string => {
  const project = madeFrom.labels[PROJECT_LABEL] ?? '';
  return /^[a-z0-9][\w-]*$/.test(project) ? project : NOBODY;
};
export const ownerOf = (network: NetworkRecord): string => labelled(network);

/** Owners of the servers that know containers of this project: its own, and those of networks it was let into. */
export function ownersFor(project: string, { networks, containers }: Records): Set<string> {
  const own = containers.filter((container) => labelled(container) === (project || NOBODY));
  const used = new Set(own.flatMap(({ endpoints }) => endpoints.map(({ network }) => network)));
  return new Set([project || NOBODY, ...networks.filter(({ name }) => used.has(name)).map(ownerOf)]);
}

/** Servers exist for networks that a container wants to run on. */
export function zoneOf(owner: string, { networks, containers }: Records): Zone {
  const wanted = containers.filter((container) => container.wanted);
  const on = (network: NetworkRecord) =>
    wanted.filter(({ endpoints }) => endpoints.some((each) => each.network === network.name));
  const served = networks.filter((network) => ownerOf(network) === owner && on(network).length > 0);
  const asking = new Set(served.flatMap(on));
  const known = networks.filter(
    (network) => served.includes(network) || on(network).some((container) => asking.has(container)),
  );
  const upstreams = [...new Set([...asking].flatMap(({ madeFrom }) => madeFrom.dns.servers))].filter(findAddress);
  const names = known.flatMap((network) =>
    on(network).flatMap((container) => namesOf(container, endpointOn(container, network))),
  );
  return {
    owner,
    servers: (['open', 'internal'] as const).flatMap((kind): Server[] => {
      const bridges = served
        .filter(({ madeFrom }) => madeFrom.internal === (kind === 'internal'))
        .map(({ bridge }) => bridge);
      return bridges.length > 0 ? [{ owner, kind, bridges, upstreams: kind === 'open' ? upstreams : [] }] : [];
    }),
    hosts: new Map(known.map((network) => [network.name, hostsFile(network, on(network))])),
    routes: routes(names, known),
  };
}

const endpointOn = ({ endpoints }: ContainerRecord, { name }: NetworkRecord): EndpointRecord =>
  endpoints.find(({ network }) => network === name)!;

/** One line an address; the first name is the one that an address is resolved to. */
function hostsFile(network: NetworkRecord, containers: readonly ContainerRecord[]): string {
  return containers
    .flatMap((container) => {
      const endpoint = endpointOn(container, network);
      const names = namesOf(container, endpoint).join(' ');
      return [endpoint.ipv4?.address, endpoint.ipv6?.address].flatMap((address) =>
        address ? `${address} ${names}\n` : [],
      );
    })
    .join('');
}

/** Container name, aliases, short id, host name: what Docker registers, in its order. */
function namesOf({ id, name, madeFrom }: ContainerRecord, { aliases }: EndpointRecord): readonly string[] {
  const all = [name, ...aliases, id.slice(0, 12), madeFrom.hostname ?? ''];
  return [...new Set(all)].filter(isName);
}

/** What stands in a file of names must be one; nobody may be `localhost` for others. */
const isName = (name: string): boolean => /^[a-z0-9_]([\w.-]{0,251}\w)?$/i.test(name) && !/^localhost\.?$/i.test(name);

/**
 * A name with a dot looks like somebody else's: without this its IPv6 address would be asked for upstream, and a "no such name" from
 * there makes musl give up on the IPv4 address as well. Addresses of ours are nobody else's business either.
 */
function routes(names: readonly string[], networks: readonly NetworkRecord[]): string {
  const dotted = [...new Set(names.filter((name) => name.includes('.')))].sort();
  const reverse = networks.flatMap(({ subnets }) => subnets.flatMap(({ subnet }) => reverseZones(subnet)));
  return [...dotted, ...reverse]
    .map(
      (domain) => `server=/${domain}/
`,
    )
    .join('');
}

/** in-addr.arpa is cut at whole bytes: a /22 is four zones. */
export function reverseZones(subnet: string): readonly string[] {
  const prefix = findPrefix(subnet);
  if (prefix === undefined || prefix.family === 6 || prefix.length < 8) return [];
  const bytes = Math.min(3, Math.ceil(prefix.length / 8));
  const count = 1 << Math.max(0, 8 * bytes - prefix.length);
  const start = Number(prefix.value >> BigInt(32 - 8 * bytes));
  return Array.from({ length: count }, (_, i) => {
    const parts = Array.from({ length: bytes }, (_, byte) => ((start + i) >>> (8 * byte)) & 0xff);
    return `${parts.join('.')}.in-addr.arpa`;
  });
}

/** Addresses for `nameserver` lines; none for a container without a bridge network. The first network that leads outside is asked. */
export function nameServers({ endpoints }: ContainerRecord, networks: readonly NetworkRecord[]): readonly string[] {
  const own = endpoints.flatMap(({ network }) => networks.find(({ name }) => name === network) ?? []);
  const first = own.find(({ madeFrom }) => !madeFrom.internal) ?? own[0];
  const gateway = first?.subnets.find(({ subnet }) => !isIpv6(subnet)) ?? first?.subnets[0];
  return gateway === undefined ? [] : [gateway.gateway];
}

/** Lines for its /etc/hosts that make `links` resolvable: `address<TAB>alias alias name`. To be rewritten when a linked one moves. */
export function linkLines(
  { madeFrom, endpoints }: ContainerRecord,
  others: readonly ContainerRecord[],
): readonly string[] {
  const own = new Set(endpoints.map(({ network }) => network));
  return madeFrom.links.flatMap(({ container, aliases }) => {
    const other = others.find(({ name }) => name === container);
    // On a network that both are in; another one would not lead there.
    const shared = other?.endpoints.find(({ network }) => own.has(network));
    const names = [...new Set([...aliases, container])].filter(isName).join(' ');
    return [shared?.ipv4?.address, shared?.ipv6?.address].flatMap((address) =>
      address ? [`${address}\t${names}`] : [],
    );
  });
}
