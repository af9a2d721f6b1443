/**
 * When another network of a container becomes the one that leads outside, what is under way through the old one goes on: packets from
 * the old address still leave by the old gateway. One rule and one table for each such address (ip-rule(8)); new connections take
 * the new way. A restart has none of it, and needs none.
 */
import type { LaunchOp, Slot } from '../launcher/ops.ts';
import { addressBytes, isIpv6 } from './addresses.ts';
import { request } from './bridge.ts';
import { encode, struct, u32 } from './netlink-wire.ts';

// linux/rtnetlink.h, linux/fib_rules.h, linux/netlink.h
const RTM = { NEWROUTE: 24, NEWRULE: 32 } as const;
const FRA = { SOURCE: 2, PRIORITY: 6, SUPPRESS_PREFIX_LENGTH: 14, TABLE: 15 } as const;
const FR_ACT_TO_TABLE = 1;
const RTA = { OIF: 4, GATEWAY: 5, TABLE: 15 } as const;
const AF = { INET: 2, INET6: 10 } as const;
const REQUEST_ACK_CREATE = 1 | 4 | 0x400;
const [EXCLUSIVE, REPLACE] = [0x200, 0x100];
const MAIN = 254;
/** Before the kernel's own look into the main table (32766). */
const [FIRST_OTHERS, THEN_BY_SOURCE] = [20_000, 20_001];
/** One table for each interface, out of the way of those that people number by hand. */
const FIRST_TABLE = 20_000;

/** It is there already; a kernel without rules, which moves as Docker does, and the connections are lost. */
const EEXIST = 17;
const WITHOUT_RULES = [95, 97, 22];

/** Sent from inside. `index`: of the interface that has the address. */
export function stayOnOldWay(slot: Slot, address: string, gateway: string, index: number): LaunchOp[] {
  const family = isIpv6(address) ? AF.INET6 : AF.INET;
  const table = FIRST_TABLE + index;
  return [
    // Neighbours on the other networks are reached as before: of the main table only the default route is passed over.
    request(slot, newRule(family, { priority: FIRST_OTHERS, table: MAIN, suppress: 0 }), [EEXIST, ...WITHOUT_RULES]),
    request(slot, newDefault(family, { gateway, index, table }), WITHOUT_RULES),
    request(slot, newRule(family, { priority: THEN_BY_SOURCE, table, source: addressBytes(address) }), [
      EEXIST,
      ...WITHOUT_RULES,
    ]),
  ];
}

interface Rule {
  readonly priority: number;
  readonly table: number;
  readonly source?: Uint8Array;
  /** Routes to a prefix that is no longer than this do not count. */
  readonly suppress?: number;
}

function newRule(family: number, { priority, table, source, suppress }: Rule): Uint8Array {
  // struct fib_rule_hdr: family, lengths of destination and source, type of service, table, two unused, action, flags
  const small = table < 256 ? table : 0;
  const header = [family, 0, (source?.length ?? 0) * 8, 0, small, 0, 0, FR_ACT_TO_TABLE];
  return encode({
    type: RTM.NEWRULE,
    flags: REQUEST_ACK_CREATE | EXCLUSIVE,
    fixed: struct(...header.map((value) => [1, value] as const), [4, 0]),
    attributes: [
      { type: FRA.PRIORITY, value: u32(priority) },
      { type: FRA.TABLE, value: u32(table) },
      ...(source === undefined ? [] : [{ type: FRA.SOURCE, value: source }]),
      ...(suppress === undefined ? [] : [{ type: FRA.SUPPRESS_PREFIX_LENGTH, value: u32(suppress) }]),
    ],
  });
}

function newDefault(family: number, route: { gateway: string; index: number; table: number }): Uint8Array {
  const [bootProtocol, universe, unicast] = [3, 0, 1];
  // struct rtmsg, as in rtnetlink.ts; the table's number is too large for it.
  const header = [family, 0, 0, 0, 0, bootProtocol, universe, unicast];
  return encode({
    type: RTM.NEWROUTE,
    flags: REQUEST_ACK_CREATE | REPLACE,
    fixed: struct(...header.map((value) => [1, value] as const), [4, 0]),
    attributes: [
      { type: RTA.GATEWAY, value: addressBytes(route.gateway) },
      { type: RTA.OIF, value: u32(route.index) },
      { type: RTA.TABLE, value: u32(route.table) },
    ],
  });
}
