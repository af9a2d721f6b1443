/**
 * Leads what a container asks at 127.0.0.11, the address that Docker's users write into their files, to the name server of its view.
 * Two things of the container's own network namespace do it: a route, by which such a packet gets an address of the container's as its
 * source instead of a loopback one, and a rule that gives it another destination. Upon a parent (macvlan, ipvlan), where no network leads
 * to this host, the rule leads to a socket of its supervisor's.
 */
import type { LaunchOp } from '../launcher/ops.ts';
import { addressBytes, isIpv6 } from '../network/addresses.ts';
import type { Records } from '../network/index.ts';
import { NETLINK_NETFILTER, redirectOutput } from '../network/nfnetlink.ts';
import { deleteLocalRoute, newLocalRoute } from '../network/rtnetlink.ts';
import type { ContainerRecord } from '../state/records.ts';
import { resolverOf } from './views.ts';

export const RESOLVER_ADDRESS = '127.0.0.11';
const TABLE = 'tcompose';
const NETLINK_ROUTE = 0;

/** In the container's network namespace, its interfaces up. May be run again. One slot, closed at the end. */
export function resolverOps(record: ContainerRecord, records: Records, slot: number): LaunchOp[] {
  const resolver = resolverOf(record, records);
  if (resolver === undefined || isIpv6(resolver.address)) return [];
  const to = resolver.isRelayed ? RELAY : resolver;
  const rules = redirectOutput(TABLE, { from: { address: RESOLVER_ADDRESS, port: 53 }, to });
  const ruled = over(slot, NETLINK_NETFILTER, rules);
  // It may have been led to a gateway before.
  if (resolver.isRelayed) return [...over(slot, NETLINK_ROUTE, deleteLocalRoute(RESOLVER_ADDRESS), [ESRCH]), ...ruled];
  return [...over(slot, NETLINK_ROUTE, newLocalRoute(RESOLVER_ADDRESS, resolver.address)), ...ruled];
}

/**
 * Above the ports that the kernel gives out (ip_local_port_range), and not 53: a name server of the container's own may listen there, at
 * every address that it has. Another address: that one may be led to a gateway still.
 */
const RELAY = { address: '127.0.0.12', port: 61_053 };
const ESRCH = 3;

/** What a container's supervisor is to pass on, as names.c reads it: from where, to where. Empty: nothing. */
export function relayRecord(record: ContainerRecord, records: Records): Uint8Array {
  const resolver = resolverOf(record, records);
  if (!resolver?.isRelayed) return new Uint8Array();
  const end = ({ address, port }: { readonly address: string; readonly port: number }): Uint8Array => {
    const bytes = new Uint8Array(20);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, 4);
    view.setUint16(2, port);
    bytes.set(addressBytes(address), 4);
    return bytes;
  };
  return Buffer.concat([end(RELAY), end(resolver)]);
}

const over = (slot: number, protocol: number, message: Uint8Array, ignore?: readonly number[]): LaunchOp[] => [
  { op: 'netlink-open', slot, protocol },
  { op: 'netlink', slot, message, ...(ignore && { ignore }) },
  { op: 'close', slot },
];

/** For its resolv.conf; empty: it has no name server of ours. */
export function nameServers(record: ContainerRecord, records: Records): readonly string[] {
  const resolver = resolverOf(record, records);
  if (resolver === undefined) return [];
  return [isIpv6(resolver.address) && !resolver.isRelayed ? resolver.address : RESOLVER_ADDRESS];
}
