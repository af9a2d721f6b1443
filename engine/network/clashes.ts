/** Routes of the host that came after a network and want the same addresses: a VPN's, mostly. New networks avoid them; old ones are named. */
import { readFileSync } from 'node:fs';
import type { NetworkRecord } from '../state/records.ts';
import { contains, findPrefix, first, formatPrefix, overlap, type Prefix } from './addresses.ts';
import type { Route } from './facts.ts';

/** By network, for people: one clause. The longer prefix wins (ip-route(8)), so a wider route is hidden, a narrower one hides. */
export function clashesOf(networks: readonly NetworkRecord[], routes: readonly Route[]): ReadonlyMap<string, string> {
  // Routes that lead to networks, and what lies upon a parent, are as they should be.
  const bridges = new Set(networks.map(({ bridge }) => bridge));
  const foreign = routes.filter(({ length, device }) => length > 0 && device !== undefined && !bridges.has(device));
  if (foreign.length === 0) return new Map();
  return new Map(
    networks.flatMap((network): [string, string][] => {
      if (network.parent !== undefined || network.madeFrom.driverOpts['tcompose.allow_route_overlap'] === 'true')
        return [];
      for (const { subnet } of network.subnets) {
        const own = findPrefix(subnet)!;
        const clash = foreign.find((route) => overlap(route, own));
        if (clash !== undefined) return [[network.name, wordsOf(subnet, own, clash)]];
      }
      return [];
    }),
  );
}

const wordsOf = (subnet: string, own: Prefix, route: Route): string =>
  route.length >= own.length && contains(own, { family: route.family, value: first(route) })
    ? `${subnet} is shadowed by this host's route ${formatPrefix(route)} that leads to ${route.device}: containers there cannot be reached`
    : `${subnet} hides a part of this host's route ${formatPrefix(route)} that leads to ${route.device}`;

/** Of the main table, without a program: every look does this (proc(5), net/route and net/ipv6_route). */
export function mainRoutes(): readonly Route[] {
  return [...linesOf('/proc/net/route').slice(1).flatMap(route4), ...linesOf('/proc/net/ipv6_route').flatMap(route6)];
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch {
    return []; // A kernel without IPv6.
  }
}

const [UP, REJECT] = [0x1, 0x200];

/** Iface Destination Gateway Flags … Mask: addresses as numbers in the byte order of the machine, which here is the little end first. */
function route4(line: string): readonly Route[] {
  const [device, destination = '', , flags = '', , , , mask = ''] = line.split(/\s+/);
  const bytes = (text: string) => text.match(/../g)?.reverse().join('') ?? '0';
  const isUsable = (Number.parseInt(flags, 16) & (UP | REJECT)) === UP;
  const length = [...BigInt(`0x${bytes(mask)}`).toString(2)].filter((bit) => bit === '1').length;
  return device && isUsable ? [{ family: 4, value: BigInt(`0x${bytes(destination)}`), length, device }] : [];
}

/** Destination, its length, source and its length, next hop, metric, two counters, flags, device. Addresses of the host itself are no routes. */
function route6(line: string): readonly Route[] {
  const fields = line.trim().split(/\s+/);
  const [destination = '', length = '0'] = fields;
  const [device, flags] = [fields.at(-1), Number.parseInt(fields.at(-2) ?? '0', 16)];
  const value = BigInt(`0x${destination || '0'}`);
  const isGlobal = value >> 125n === 1n || value >> 121n === 0x7en;
  const prefix = Number.parseInt(length, 16);
  if (!device || device === 'lo' || !isGlobal || prefix === 128 || (flags & (UP | REJECT)) !== UP) return [];
  return [{ family: 6, value, length: prefix, device }];
}
