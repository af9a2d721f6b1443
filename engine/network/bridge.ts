/** A network's bridge as operations: link, gateway addresses, and the kernel settings that belong to it. */
import type { LaunchOp, Slot } from '../launcher/ops.ts';
import type { NetworkRecord } from '../state/records.ts';
import { isIpv6, macFor } from './addresses.ts';
import { bridgeIndex, owned } from './names.ts';
import { isWithoutGateway, optionsOf } from './options.ts';
import { deleteGroup, deleteLink, newAddress, newBridge, setLink } from './rtnetlink.ts';

const ENODEV = 19;
const ENOENT = 2;

export interface BridgePlan {
  readonly network: NetworkRecord;
  readonly instance: string;
  /** Kept in the bridge's alias: see forwarding.ts. */
  readonly memo: string;
  /** A link with the name and another index: not ours, though it has our name. */
  readonly replaces?: boolean;
}

export function bridgeOps(socket: Slot, { network, instance, memo, replaces }: BridgePlan): LaunchOp[] {
  const { bridge: name, mtu } = network;
  const index = bridgeIndex(name);
  const mac = macOfBridge(network);
  return [
    ...(replaces ? [request(socket, deleteLink(name), [ENODEV])] : []),
    request(socket, newBridge({ name, index, mac, mtu, group: index })),
    ...bridgeSettings(network),
    ...addressOps(socket, network),
    // The alias is no part of what a link can be made with.
    request(socket, setLink({ link: index, up: true, alias: aliasOf(instance, network.name, memo) })),
  ];
}

export const macOfBridge = ({ subnets }: Pick<NetworkRecord, 'subnets'>): string =>
  macFor(subnets[0]?.gateway ?? '0.0.0.0');

export const aliasOf = (instance: string, network: string, memo: string): string =>
  memo === '' ? owned(instance, network) : `${owned(instance, network)} ${memo}`;

export const addressOps = (socket: Slot, network: NetworkRecord): LaunchOp[] =>
  subnetsOfHost(network).map(({ gateway, prefix }) =>
    request(socket, newAddress(bridgeIndex(network.bridge), gateway, prefix)),
  );

/** Those in which the bridge has the gateway's address. */
const subnetsOfHost = ({ subnets, madeFrom }: NetworkRecord): NetworkRecord['subnets'] =>
  subnets.filter(({ subnet }) => !isWithoutGateway(madeFrom, isIpv6(subnet) ? 6 : 4));

/** `address/prefix` that the bridge has. */
export const hostAddresses = (network: NetworkRecord): readonly string[] =>
  subnetsOfHost(network).map(({ gateway, prefix }) => `${gateway}/${prefix}`);

/** Before the bridge is up: what it would take from its first neighbour cannot be undone so easily. */
export function bridgeSettings({ bridge, subnets, madeFrom }: NetworkRecord): LaunchOp[] {
  const set = (family: string, key: string, data: string): LaunchOp => ({
    op: 'write',
    path: `/proc/sys/net/${family}/conf/${bridge}/${key}`,
    data,
    // A kernel may be without IPv6.
    ...(family === 'ipv6' && !madeFrom.enableIpv6 && { optional: true }),
  });
  const hasIpv6 = subnets.some(({ subnet }) => isIpv6(subnet));
  return [
    // Connections from this host to its own 127.0.0.1 are led into the bridge; firewall.ts keeps the others out.
    set('ipv4', 'route_localnet', '1'),
    // RFC 3704: nobody on it sends what would be answered by another way, so with no address but one of its subnets.
    ...(optionsOf(madeFrom).antiSpoofing ? [set('ipv4', 'rp_filter', '1')] : []),
    // Containers that cannot hear each other are led to this host instead, whose rules know what a link lets through (link-rules.ts).
    ...(optionsOf(madeFrom).icc ? [] : [set('ipv4', 'proxy_arp_pvlan', '1'), set('ipv4', 'send_redirects', '0')]),
    // A container that calls itself a router must not become the host's (CVE-2020-13401).
    ...(hasIpv6
      ? [
          set('ipv6', 'disable_ipv6', '0'),
          set('ipv6', 'accept_ra', '0'),
          // Without a link-local address in use it cannot ask for neighbours on behalf of others: that would cost the first second.
          set('ipv6', 'accept_dad', '0'),
        ]
      : [set('ipv6', 'disable_ipv6', '1')]),
  ];
}

/** The bridge and whatever still hangs on it, in one message: all of them are of one group. */
export const removeBridgeOps = (socket: Slot, bridge: string): LaunchOp[] => [
  request(socket, deleteGroup(bridgeIndex(bridge)), [ENODEV, ENOENT]),
  // Made by somebody else under our name.
  request(socket, deleteLink(bridge), [ENODEV, ENOENT]),
];

export const request = (
  slot: Slot,
  message: Uint8Array,
  ignore?: readonly number[],
): Extract<LaunchOp, { op: 'netlink' }> => ({
  op: 'netlink',
  slot,
  message,
  ...(ignore && { ignore }),
});
