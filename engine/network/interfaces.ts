/** A container's interfaces as operations: its network namespace with all that is in it, and putting back what was lost. */
import type { LaunchOp, Slot } from '../launcher/ops.ts';
import { slotFd } from '../launcher/ops.ts';
import type { ContainerRecord, EndpointRecord, NetworkRecord } from '../state/records.ts';
import { isIpv6 } from './addresses.ts';
import { macOfBridge, request } from './bridge.ts';
import { childOps, childUp } from './child-ops.ts';
import { positionOf } from './endpoints.ts';
import { linkNames, type NetworkFacts } from './facts.ts';
import { linkLocalOps, sysctlOps } from './interface-extras.ts';
import { mayRoute, woundsOf } from './look-inside.ts';
import { mainEndpoint } from './main-endpoint.ts';
import { bridgeIndex, childIndex, owned } from './names.ts';
import { isWithoutGateway, optionsOf } from './options.ts';
import { parentOptions } from './parent-options.ts';
import {
  deleteLink,
  newAddress,
  newDefaultRoute,
  newDefaultRouteBy,
  newNeighbour,
  newVethPair,
  setBridgePort,
  setLink,
} from './rtnetlink.ts';

export const CLONE_NEWNET = 0x40000000;
const O_CLOEXEC = 0o2000000;
const ENODEV = 19;
const LOOPBACK = 1;
/** Above the fall-back tunnels (tunl0, sit0, gre0, …) that some kernels put into every new namespace, right behind lo. */
const FIRST_INDEX = 16;

export interface NetworkSetup {
  readonly container: ContainerRecord;
  readonly networks: readonly NetworkRecord[];
  readonly instance: string;
  /** Four slots from here on are ours. */
  readonly firstSlot: Slot;
}

export interface Supervisor {
  readonly pid: number;
  readonly startTime: string;
}

export interface Place {
  readonly networks: ReadonlyMap<string, NetworkRecord>;
  readonly instance: string;
  /** Bridged frames go through iptables (br_netfilter): then one that was led back to its sender leaves by the port it came in. */
  readonly hairpin: boolean;
  readonly slots: { readonly hostNamespace: Slot; readonly host: Slot; readonly inside: Slot };
  /** In use only while a link upon a parent is made. */
  readonly namespaceSlot: Slot;
}

export const placeOf = (setup: Omit<NetworkSetup, 'container'>, hairpin: boolean): Place => ({
  networks: new Map(setup.networks.map((network) => [network.name, network])),
  instance: setup.instance,
  hairpin,
  slots: { hostNamespace: setup.firstSlot, host: setup.firstSlot + 1, inside: setup.firstSlot + 2 },
  namespaceSlot: setup.firstSlot + 3,
});

/**
 * First operations of a supervisor's `setup`. `bridge` and `none`: unshare(NEWNET), lo, and per endpoint a veth pair, addresses, a default
 * route. `host`: nothing. `container`: joins the namespace of `sharedWith`, the supervisor of the other container.
 */
export function setupOps(setup: NetworkSetup & { readonly hairpin: boolean }, sharedWith?: Supervisor): LaunchOp[] {
  const { kind } = setup.container.madeFrom.networkMode;
  if (kind === 'host') return [];
  if (kind === 'container') {
    if (sharedWith === undefined)
      throw new RangeError(`${setup.container.name} shares a network: with whose supervisor?`);
    return [{ op: 'join', ...sharedWith, flags: CLONE_NEWNET }];
  }
  const place = placeOf(setup, setup.hairpin);
  return [
    ...openHost(place),
    { op: 'unshare', flags: CLONE_NEWNET },
    ...openInside(place),
    ...setup.container.endpoints.flatMap((_, i) => endpointOps(place, setup.container, i)),
    ...routeOps(place, setup.container),
    ...Object.values(place.slots).map((slot): LaunchOp => ({ op: 'close', slot })),
  ];
}

/** The namespace is held open, since the peer's side of a pair is named by a descriptor. */
export const openHost = ({ slots }: Place): LaunchOp[] => [
  { op: 'open', slot: slots.hostNamespace, path: '/proc/thread-self/ns/net', flags: O_CLOEXEC },
  { op: 'netlink-open', slot: slots.host },
];

export const openInside = ({ slots }: Place): LaunchOp[] => [
  { op: 'netlink-open', slot: slots.inside },
  request(slots.inside, setLink({ link: LOOPBACK, up: true })),
];

export function endpointOps(place: Place, container: ContainerRecord, position: number): LaunchOp[] {
  const endpoint = container.endpoints[position]!;
  const network = networkOf(place, endpoint);
  const index = indexOf(container, endpoint);
  const slots = { ...place.slots, namespace: place.namespaceSlot };
  return [
    ...ipv6Settings(endpoint),
    ...(network.parent ? childOps({ network, endpoint, index, slots }) : pairOps(place, container, endpoint)),
    ...settleOps(place, container, endpoint),
  ];
}

/** An interface that is there, and may have been settled before: its addresses and settings, up, and who is near. */
function settleOps(place: Place, container: ContainerRecord, endpoint: EndpointRecord): LaunchOp[] {
  const { inside } = place.slots;
  const index = indexOf(container, endpoint);
  const asked = container.madeFrom.attachments.find((one) => one.network === endpoint.network) ?? {};
  return [
    ...[endpoint.ipv4, endpoint.ipv6].flatMap((given) =>
      given ? [request(inside, newAddress(index, given.address, given.prefix))] : [],
    ),
    ...linkLocalOps(asked, inside, index),
    ...sysctlOps(asked, endpoint.interfaceName),
    endpoint.hostInterface === '' ? childUp(inside, index) : request(inside, setLink({ link: index, up: true })),
    ...neighbourOps(place, container, endpoint),
  ];
}

function pairOps(place: Place, container: ContainerRecord, endpoint: EndpointRecord): LaunchOp[] {
  const { host, inside, hostNamespace } = place.slots;
  const network = networkOf(place, endpoint);
  const pair = {
    inside: { name: endpoint.interfaceName, index: indexOf(container, endpoint), mac: endpoint.mac },
    host: { name: endpoint.hostInterface, namespaceFd: slotFd(hostNamespace), group: bridgeIndex(network.bridge) },
    mtu: network.mtu,
  };
  return [
    // The kernel takes namespaces apart some time after their last process: this name may still be a dead one's.
    request(host, deleteLink(endpoint.hostInterface), [ENODEV]),
    request(inside, newVethPair(pair)),
    ...portOps(place, container, endpoint),
  ];
}

/**
 * Host and container know each other's hardware addresses, and need not ask: the kernel's table of those that asked is one for all
 * namespaces (net.ipv4.neigh.default.gc_thresh3, 1024), and hundreds of containers would fill it.
 */
export function neighbourOps(place: Place, container: ContainerRecord, endpoint: EndpointRecord): readonly LaunchOp[] {
  const { host, inside } = place.slots;
  const network = networkOf(place, endpoint);
  return ([4, 6] as const).flatMap((family): LaunchOp[] => {
    const given = family === 4 ? endpoint.ipv4 : endpoint.ipv6;
    if (given === undefined || isWithoutGateway(network.madeFrom, family)) return [];
    const gateways = network.subnets.filter(({ subnet }) => isIpv6(subnet) === (family === 6));
    return [
      request(host, newNeighbour(bridgeIndex(network.bridge), given.address, endpoint.mac)),
      ...gateways.map(({ gateway }) =>
        request(inside, newNeighbour(indexOf(container, endpoint), gateway, macOfBridge(network))),
      ),
    ];
  });
}

export const indexOf = ({ id, endpoints }: ContainerRecord, endpoint: EndpointRecord): number =>
  endpoint.hostInterface === '' ? childIndex(id, endpoint.network) : FIRST_INDEX + positionOf(endpoint, endpoints);

/**
 * Either none at all, or one that is in use at once. Written as the default of the namespace before the interface exists: only that takes
 * no lock; on an interface, fifty containers that start together spin on the kernel's network lock.
 */
const ipv6Settings = ({ ipv6 }: EndpointRecord): LaunchOp[] => {
  const setting = (name: string, data: string): LaunchOp => ({
    op: 'write',
    path: `/proc/sys/net/ipv6/conf/default/${name}`,
    data,
    optional: true,
  });
  return ipv6 ? [setting('disable_ipv6', '0'), setting('accept_dad', '0')] : [setting('disable_ipv6', '1')];
};

/** The host's side, up last: an address made for it by the kernel would answer to containers. */
function portOps(
  { slots, instance, hairpin, ...place }: Place,
  container: ContainerRecord,
  endpoint: EndpointRecord,
): LaunchOp[] {
  const { bridge, madeFrom } = networkOf(place, endpoint);
  const link = endpoint.hostInterface;
  const isolated = !hairpin && !optionsOf(madeFrom).icc;
  const port = { ...(hairpin && { hairpin }), ...(isolated && { isolated }) };
  return [
    request(slots.host, setLink({ link, master: bridgeIndex(bridge), alias: owned(instance, container.name) })),
    request(slots.host, setLink({ link, withoutIpv6: true }), EAFNOSUPPORT),
    ...(hairpin || isolated ? [request(slots.host, setBridgePort(link, port))] : []),
    request(slots.host, setLink({ link, up: true })),
  ];
}
/** A kernel without IPv6. */
const EAFNOSUPPORT = [97, 22, 95];

export const networkOf = ({ networks }: Pick<Place, 'networks'>, endpoint: EndpointRecord): NetworkRecord => {
  const network = networks.get(endpoint.network);
  if (network === undefined) throw new RangeError(`no record of network ${endpoint.network}`);
  return network;
};

export function routeOps({ networks, slots }: Place, container: ContainerRecord): LaunchOp[] {
  return ([4, 6] as const).flatMap((family) => {
    const endpoint = mainEndpoint(container, networks, family);
    if (endpoint === undefined) return [];
    const network = networks.get(endpoint.network);
    const subnet = network?.subnets.find(({ subnet }) => isIpv6(subnet) === (family === 6));
    const index = indexOf(container, endpoint);
    if (network?.parent && parentOptions(network.madeFrom).isRouted)
      return [request(slots.inside, newDefaultRouteBy(index, family))];
    return subnet ? [request(slots.inside, newDefaultRoute(subnet.gateway, index))] : [];
  });
}

export interface Running {
  readonly container: ContainerRecord;
  readonly supervisor: Supervisor;
}

/** For running containers: puts back, in one program that starts in the host's namespaces, only what `facts` says is missing. */
export function repairOps(
  running: readonly Running[],
  setup: Omit<NetworkSetup, 'container'> & { readonly hairpin: boolean },
  facts: NetworkFacts,
): LaunchOp[] {
  const place = placeOf(setup, setup.hairpin);
  const ops = running.flatMap((each) => repairOne(place, each, facts));
  return ops.length === 0 ? [] : [...openHost(place), ...ops];
}

function repairOne(place: Place, running: Running, facts: NetworkFacts): LaunchOp[] {
  const { container, supervisor } = running;
  const isThere = isThereIn(running, facts);
  const lost = container.endpoints.flatMap((endpoint, i) => (isThere(endpoint) ? [] : [i]));
  const loose = container.endpoints.filter((endpoint) => {
    const link = facts.links.get(endpoint.hostInterface);
    return link !== undefined && (!link.isUp || link.master !== networkOf(place, endpoint).bridge);
  });
  const ports = loose.flatMap((endpoint) => portOps(place, container, endpoint));
  const wounds = woundsOf(container, place.networks, {
    pid: supervisor.pid,
    routes: !mayRoute(container, [container]),
  });
  const wounded = new Set(wounds.flatMap(({ endpoint }) => (endpoint && isThere(endpoint) ? [endpoint] : [])));
  if (lost.length === 0 && wounds.length === 0) return ports;
  return [
    ...ports,
    { op: 'join', ...supervisor, flags: CLONE_NEWNET },
    ...openInside(place),
    ...lost.flatMap((i) => endpointOps(place, container, i)),
    ...[...wounded].flatMap((endpoint) => settleOps(place, container, endpoint)),
    ...routeOps(place, container),
    { op: 'close', slot: place.slots.inside },
  ];
}

/** By the end that the host has; without one, by the name inside. */
export function isThereIn(
  { supervisor }: { readonly supervisor: Pick<Supervisor, 'pid'> },
  { links }: { readonly links: Pick<NetworkFacts['links'], 'has'> },
): (endpoint: Pick<EndpointRecord, 'hostInterface' | 'interfaceName'>) => boolean {
  let inside: ReadonlySet<string> | undefined;
  return ({ hostInterface, interfaceName }) => {
    if (hostInterface !== '') return links.has(hostInterface);
    inside ??= new Set(linkNames(supervisor.pid));
    return inside.has(interfaceName);
  };
}
