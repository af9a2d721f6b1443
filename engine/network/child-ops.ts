/** A container's link upon a parent of the host's (macvlan, ipvlan), as operations. It comes into being where the container is. */
import type { DesiredNetwork } from '../../src/model/desired.ts';
import type { LaunchOp, Slot } from '../launcher/ops.ts';
import { slotFd } from '../launcher/ops.ts';
import type { EndpointRecord, NetworkRecord } from '../state/records.ts';
import { request } from './bridge.ts';
import { newChild } from './parent-messages.ts';
import { parentOptions } from './parent-options.ts';
import { parentGone, parentIndex } from './parents.ts';
import { deleteLink, setLink } from './rtnetlink.ts';

const O_CLOEXEC = 0o2000000;
const ENODEV = 19;

export interface Child {
  readonly network: NetworkRecord;
  readonly endpoint: EndpointRecord;
  readonly index: number;
  readonly slots: { readonly host: Slot; readonly inside: Slot; readonly namespace: Slot };
}

/** In the container's namespace; the message goes to the host, where the parent is. Throws `parent-unusable` where it is gone. */
export function childOps({ network, endpoint, index, slots }: Child): LaunchOp[] {
  const { kind, modeNumber, flagNumber } = parentOptions(network.madeFrom);
  const { name = '' } = network.parent ?? {};
  const parent = parentIndex(name);
  if (parent === undefined) throw parentGone(network.name, name);
  const child = newChild({
    kind,
    modeNumber,
    flagNumber,
    parent,
    name: endpoint.interfaceName,
    index,
    namespaceFd: slotFd(slots.namespace),
    mtu: network.mtu,
    ...(endpoint.mac && { mac: endpoint.mac }),
  });
  return [
    { op: 'open', slot: slots.namespace, path: '/proc/thread-self/ns/net', flags: O_CLOEXEC },
    { ...request(slots.host, child), outlast: inTheWay(network.madeFrom) },
    { op: 'close', slot: slots.namespace },
    // Neighbours may know the address under the hardware address of whoever had it before (arp_notify in ip-sysctl).
    { op: 'write', path: `/proc/sys/net/ipv4/conf/${endpoint.interfaceName}/arp_notify`, data: '1' },
  ];
}

/**
 * Errors that pass: the kernel takes namespaces apart some time after their last process, and until then what was in them is still on the
 * parent. EBUSY: with another driver; EINVAL: alone on it.
 */
export const inTheWay = (network: DesiredNetwork): readonly number[] =>
  parentOptions(network).isAlone ? [EBUSY, EINVAL] : [EBUSY];
const EBUSY = 16;
const EINVAL = 22;
/** With the same hardware address. */
const EADDRINUSE = 98;

/** Last of all. */
export const childUp = (inside: Slot, index: number): LaunchOp => ({
  ...request(inside, setLink({ link: index, up: true })),
  outlast: [EADDRINUSE],
});

/** In the container's namespace. */
export const removeChildOps = (inside: Slot, { interfaceName }: EndpointRecord): LaunchOp[] => [
  request(inside, deleteLink(interfaceName), [ENODEV]),
];
