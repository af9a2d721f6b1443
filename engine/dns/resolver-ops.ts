/**
 * Leads what a container asks at 127.0.0.11, the address that Docker's users write into their files, to the name server of its view.
 * Two things of the container's own network namespace do it: a route, by which such a packet gets an address of the container's as its
 * source instead of a loopback one, and a rule that gives it another destination.
 */
import type { LaunchOp } from '../launcher/ops.ts';
import { isIpv6 } from '../network/addresses.ts';
import type { Records } from '../network/index.ts';
import { NETLINK_NETFILTER, redirectOutput } from '../network/nfnetlink.ts';
import { newLocalRoute } from '../network/rtnetlink.ts';
import type { ContainerRecord } from '../state/records.ts';
import { resolverOf } from './views.ts';

export const RESOLVER_ADDRESS = '127.0.0.11';
const TABLE = 'tcompose';
const NETLINK_ROUTE = 0;

/** In the container's network namespace, its interfaces up. May be run again. One slot, closed at the end. */
export function resolverOps(record: ContainerRecord, records: Records, slot: number): LaunchOp[] {
  const resolver = resolverOf(record, records);
  if (resolver === undefined || isIpv6(resolver.address)) return [];
  const route = newLocalRoute(RESOLVER_ADDRESS, resolver.address);
  const rules = redirectOutput(TABLE, { from: { address: RESOLVER_ADDRESS, port: 53 }, to: resolver });
  return [...over(slot, NETLINK_ROUTE, route), ...over(slot, NETLINK_NETFILTER, rules)];
}

const over = (slot: number, protocol: number, message: Uint8Array): LaunchOp[] => [
  { op: 'netlink-open', slot, protocol },
  { op: 'netlink', slot, message },
  { op: 'close', slot },
];

/** For its resolv.conf; empty: it has no name server of ours. */
export function nameServers(record: ContainerRecord, records: Records): readonly string[] {
  const resolver = resolverOf(record, records);
  if (resolver === undefined) return [];
  return [isIpv6(resolver.address) ? resolver.address : RESOLVER_ADDRESS];
}
