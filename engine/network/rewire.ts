/** Interfaces and addresses of a running container, changed under it: what is new comes first, what is not wanted any more goes last. */
import type { LaunchOp } from '../launcher/ops.ts';
import type { ContainerRecord, EndpointRecord, NetworkRecord } from '../state/records.ts';
import { isIpv6 } from './addresses.ts';
import { request } from './bridge.ts';
import { removeChildOps } from './child-ops.ts';
import {
  CLONE_NEWNET,
  endpointOps,
  indexOf,
  type NetworkSetup,
  neighbourOps,
  networkOf,
  openHost,
  openInside,
  type Place,
  placeOf,
  routeOps,
  type Supervisor,
} from './interfaces.ts';
import { mainEndpoint } from './main-endpoint.ts';
import { deleteAddress, deleteLink, newAddress, setBridgePort, setLink } from './rtnetlink.ts';
import { stayOnOldWay } from './source-routes.ts';

const ENODEV = 19;
const EADDRNOTAVAIL = 99;

export interface Rewiring {
  /** As it is to be. */
  readonly container: ContainerRecord;
  /** What it had, or may still have of a change that was not finished. */
  readonly before: readonly EndpointRecord[];
  readonly supervisor: Supervisor;
  /** The kernel has it. */
  readonly isThere: (endpoint: EndpointRecord) => boolean;
}

/** One program that starts in the host's namespaces; may be run twice. Empty: all is there. */
export function attachOps(
  { container, before, supervisor, isThere }: Rewiring,
  setup: Omit<NetworkSetup, 'container'> & { readonly hairpin: boolean },
): LaunchOp[] {
  const place = placeOf(setup, setup.hairpin);
  const { endpoints } = container;
  const isFirstSame = endpoints[0]?.network === before[0]?.network;
  const oldWays = oldWaysOf(place, container, before);
  const ops = endpoints.flatMap((endpoint, i) => {
    if (!isThere(endpoint)) return endpointOps(place, container, i);
    return before
      .filter(({ network }) => network === endpoint.network)
      .flatMap((old) => readdress(place, container, { old, endpoint }));
  });
  if (ops.length === 0 && oldWays.length === 0 && isFirstSame && endpoints.length >= before.length) return [];
  return [
    ...openHost(place),
    { op: 'join', ...supervisor, flags: CLONE_NEWNET },
    ...openInside(place),
    ...ops,
    // Before the default route moves.
    ...oldWays,
    // An address that goes takes its routes along, and another network may lead outside now.
    ...routeOps(place, container),
  ];
}

/** For each address that outgoing connections may be bound to, and that stays although another network leads outside now. */
function oldWaysOf(place: Place, container: ContainerRecord, before: readonly EndpointRecord[]): readonly LaunchOp[] {
  const was = { ...container, endpoints: before };
  return ([4, 6] as const).flatMap((family): readonly LaunchOp[] => {
    const key = family === 4 ? 'ipv4' : 'ipv6';
    const [old, now] = [was, container].map((one) => mainEndpoint(one, place.networks, family));
    if (old === undefined || now === undefined || old.network === now.network) return [];
    const kept = container.endpoints.find(({ network }) => network === old.network)?.[key];
    const gateway = gatewayOf(networkOf(place, old), family);
    if (kept === undefined || kept.address !== old[key]?.address || gateway === undefined) return [];
    return stayOnOldWay(place.slots.inside, kept.address, gateway, indexOf(was, old));
  });
}

const gatewayOf = ({ subnets }: NetworkRecord, family: 4 | 6): string | undefined =>
  subnets.find(({ subnet }) => isIpv6(subnet) === (family === 6))?.gateway;

interface Readdressing {
  readonly old: EndpointRecord;
  readonly endpoint: EndpointRecord;
}

/** The old one first: a second address of a subnet goes with the first. */
function readdress(place: Place, container: ContainerRecord, { old, endpoint }: Readdressing): readonly LaunchOp[] {
  const index = indexOf(container, endpoint);
  const { inside } = place.slots;
  const ops = (['ipv4', 'ipv6'] as const).flatMap((family): LaunchOp[] => {
    const [from, to] = [old[family], endpoint[family]];
    if (from?.address === to?.address) return [];
    return [
      ...(from ? [request(inside, deleteAddress(index, from.address, from.prefix), [EADDRNOTAVAIL])] : []),
      ...(to ? [request(inside, newAddress(index, to.address, to.prefix))] : []),
    ];
  });
  if (ops.length > 0) ops.push(...neighbourOps(place, container, endpoint));
  if (old.mac === endpoint.mac || endpoint.mac === '') return ops;
  // It follows from the address: who gets the old one next, gets this hardware address with it, and must not be looked for here.
  return [
    request(inside, setLink({ link: index, mac: endpoint.mac })),
    ...(endpoint.hostInterface === ''
      ? []
      : [request(place.slots.host, setBridgePort(endpoint.hostInterface, { forget: true }))]),
    ...ops,
  ];
}

/** One program in the host's namespaces: an end of a pair that goes takes the other one along; what is upon a parent has just one. */
export function detachOps({ container, before, supervisor }: Omit<Rewiring, 'isThere'>): LaunchOp[] {
  const key = ({ hostInterface, network }: EndpointRecord) => hostInterface || `upon ${network}`;
  const staying = new Set(container.endpoints.map(key));
  const leaving = before.filter((endpoint) => !staying.has(key(endpoint)));
  if (leaving.length === 0) return [];
  const [pairs, children] = [
    leaving.filter(({ hostInterface }) => hostInterface !== ''),
    leaving.filter(({ hostInterface }) => hostInterface === ''),
  ];
  return [
    { op: 'netlink-open', slot: 0 },
    ...pairs.map(({ hostInterface }) => request(0, deleteLink(hostInterface), [ENODEV])),
    ...(children.length === 0
      ? []
      : [
          { op: 'join', ...supervisor, flags: CLONE_NEWNET } as const,
          { op: 'netlink-open', slot: 1 } as const,
          ...children.flatMap((endpoint) => removeChildOps(1, endpoint)),
        ]),
  ];
}
