/** Interfaces and addresses of a running container, changed under it: what is new comes first, what is not wanted any more goes last. */
import type { LaunchOp } from '../launcher/ops.ts';
import type { ContainerRecord, EndpointRecord } from '../state/records.ts';
import { request } from './bridge.ts';
import {
  CLONE_NEWNET,
  endpointOps,
  indexOf,
  type NetworkSetup,
  neighbourOps,
  openHost,
  openInside,
  type Place,
  placeOf,
  routeOps,
  type Supervisor,
} from './interfaces.ts';
import { deleteAddress, deleteLink, newAddress, setBridgePort, setLink } from './rtnetlink.ts';

const ENODEV = 19;
const EADDRNOTAVAIL = 99;

export interface Rewiring {
  /** As it is to be. */
  readonly container: ContainerRecord;
  /** What it had, or may still have of a change that was not finished. */
  readonly before: readonly EndpointRecord[];
  readonly supervisor: Supervisor;
  /** The kernel has it, by the name of its host's side. */
  readonly isThere: (hostInterface: string) => boolean;
}

/** One program that starts in the host's namespaces; may be run twice. Empty: all is there. */
export function attachOps(
  { container, before, supervisor, isThere }: Rewiring,
  setup: Omit<NetworkSetup, 'container'> & { readonly hairpin: boolean },
): LaunchOp[] {
  const place = placeOf(setup, setup.hairpin);
  const { endpoints } = container;
  const isFirstSame = endpoints[0]?.network === before[0]?.network;
  const ops = endpoints.flatMap((endpoint, i) => {
    if (!isThere(endpoint.hostInterface)) return endpointOps(place, container, i);
    return before
      .filter(({ network }) => network === endpoint.network)
      .flatMap((old) => readdress(place, container, { old, endpoint }));
  });
  if (ops.length === 0 && isFirstSame && endpoints.length >= before.length) return [];
  return [
    ...openHost(place),
    { op: 'join', ...supervisor, flags: CLONE_NEWNET },
    ...openInside(place),
    ...ops,
    // An address that goes takes its routes along, and another network may lead outside now.
    ...routeOps(place, container),
  ];
}

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
  if (old.mac === endpoint.mac) return ops;
  // It follows from the address: who gets the old one next, gets this hardware address with it, and must not be looked for here.
  return [
    request(inside, setLink({ link: index, mac: endpoint.mac })),
    request(place.slots.host, setBridgePort(endpoint.hostInterface, { forget: true })),
    ...ops,
  ];
}

/** One program in the host's namespaces: an end of a pair that goes takes the other one along. */
export function detachOps({ container, before }: Pick<Rewiring, 'container' | 'before'>): LaunchOp[] {
  const staying = new Set(container.endpoints.map(({ hostInterface }) => hostInterface));
  const leaving = before.filter(({ hostInterface }) => !staying.has(hostInterface));
  if (leaving.length === 0) return [];
  return [
    { op: 'netlink-open', slot: 0 },
    ...leaving.map(({ hostInterface }) => request(0, deleteLink(hostInterface), [ENODEV])),
  ];
}
