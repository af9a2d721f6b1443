/** What the name servers of the instance are to know, as data: which there are, and the text of each of their files. */
import { isDefaultBridge } from '../../src/model/default-bridge.ts';
import { findPrefix } from '../network/addresses.ts';
import type { Records } from '../network/index.ts';
import type { ContainerRecord, EndpointRecord, NetworkRecord } from '../state/records.ts';
import { portOf, type View, viewOf } from './views.ts';

/**
 * One name server. It answers on the bridges of its view's networks, and nowhere else. Where none of them leads outside, it asks nobody:
 * what is cut off must not send anything there in the clothes of a question (CVE-2024-29018).
 */
export interface Zone extends Pick<View, 'key' | 'open' | 'upstreams' | 'loopback'> {
  readonly bridges: readonly string[];
  readonly networks: readonly string[];
  readonly port: number;
  /** Text by network. */
  readonly hosts: ReadonlyMap<string, string>;
  /** dnsmasq's servers-file: what is answered here or not at all. */
  readonly routes: string;
}

/** Name servers exist for views of containers that want to run. */
export function zonesOf({ networks, containers }: Records): readonly Zone[] {
  const wanted = containers.filter((container) => container.wanted);
  const files = new Map<string, NetworkNames>();
  const namesIn = (network: NetworkRecord): NetworkNames => {
    const known = files.get(network.name) ?? networkNames(network, wanted);
    files.set(network.name, known);
    return known;
  };
  const zones = new Map<string, Zone>();
  for (const container of wanted) {
    const view = viewOf(container, { networks, containers });
    if (view === undefined || zones.has(view.key)) continue;
    const { key, open, upstreams, networks: seen, loopback } = view;
    zones.set(key, {
      key,
      open,
      upstreams,
      port: portOf(container, view),
      bridges: loopback ? [] : seen.map(({ bridge }) => bridge),
      ...(loopback && { loopback }),
      networks: seen.map(({ name }) => name),
      hosts: new Map([
        ...seen.map((network): [string, string] => [network.name, namesIn(network).text]),
        ...linkFile(container, view, wanted),
      ]),
      routes: routes(
        seen,
        seen.flatMap((network) => namesIn(network).dotted),
      ),
    });
  }
  return [...zones.values()];
}

interface NetworkNames {
  /** One line an address; the first name is the one that an address is resolved to. */
  readonly text: string;
  readonly dotted: readonly string[];
}

/** By these, programs reach what listens on the host: Docker Desktop's names. */
const HOST_NAMES = 'host.docker.internal gateway.docker.internal';

function networkNames(network: NetworkRecord, wanted: readonly ContainerRecord[]): NetworkNames {
  // Containers on it find each other by links alone (Docker's rule).
  if (isDefaultBridge(network.name)) return { text: '', dotted: [] };
  const lines: string[] = [];
  const dotted: string[] = [];
  for (const container of wanted) {
    const endpoint = container.endpoints.find((each) => each.network === network.name);
    if (endpoint === undefined) continue;
    const names = namesOf(container, endpoint);
    dotted.push(...names.filter((name) => name.includes('.')));
    const all = [...names.slice(0, 1), ...names, ...names].map((name, i) =>
      i === 0 || i > names.length ? `${name}.${network.name}` : name,
    );
    for (const address of [endpoint.ipv4?.address, endpoint.ipv6?.address]) {
      if (address) lines.push(`${address} ${[...new Set(all)].filter(isName).join(' ')}\n`);
    }
  }
  // Upon a parent, the gateway is another machine.
  if (!network.madeFrom.internal && !network.parent)
    lines.push(...network.subnets.map(({ gateway }) => `${gateway} ${HOST_NAMES}\n`));
  return { text: lines.join(''), dotted };
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
 * there makes musl give up on the IPv4 address as well. Addresses of ours are nobody else's business either; nor is what ends in the
 * name of a network, as in `web.shop_default`.
 */
function routes(networks: readonly NetworkRecord[], dotted: readonly string[]): string {
  const reverse = networks.flatMap(({ subnets }) => subnets.flatMap(({ subnet }) => reverseZones(subnet)));
  const own = networks.map(({ name }) => name).filter((name) => !name.includes('.') && isName(name));
  return [...[...new Set([...dotted, 'docker.internal'])].sort(), ...own, ...reverse]
    .map((domain) => `server=/${domain}/\n`)
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

/** No network is called so. */
const LINKS = '_links';

const linkFile = (
  container: ContainerRecord,
  { links }: View,
  wanted: readonly ContainerRecord[],
): [string, string][] => {
  const lines = linkLines({ ...container, madeFrom: { ...container.madeFrom, links } }, wanted);
  return lines.length === 0 ? [] : [[LINKS, lines.map((line) => `${line}\n`).join('')]];
};

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
