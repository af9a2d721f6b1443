/** Which host ports containers get, and who is in the way. */
import { isDeepStrictEqual } from 'node:util';
import type { DesiredPort } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { LivePort } from '../../src/model/live.ts';
import { isIpv6 } from './addresses.ts';
import { grouped } from './grouped.ts';

export interface PortRequest {
  readonly container: string;
  readonly ports: readonly DesiredPort[];
  /** What it had before: kept where it still fits. */
  readonly before: readonly LivePort[];
}

export interface PortConflict {
  readonly container: string;
  readonly port: LivePort;
  /** None of `port.published` to this one is free. */
  readonly last?: number;
  /** `container shop-web-1`, or `nginx (pid 4121)` */
  readonly heldBy: string;
}

/** A port that somebody has: a map of another container, or a socket of the host's. */
export interface HeldPort {
  readonly protocol: string;
  /** '' is every address of the host. */
  readonly hostIp: string;
  readonly published: number;
  readonly holder: { readonly container: string } | { readonly inode: string };
  /** It may be possible to have it all the same: nobody is refused for it, but what is chosen is another one. */
  readonly isDoubtful?: boolean;
}

export interface Collision {
  readonly container: string;
  readonly port: LivePort;
  /** Of a range without a free one. */
  readonly last?: number;
  readonly held: readonly HeldPort[];
}

export interface Allotted {
  readonly publishers: ReadonlyMap<string, readonly LivePort[]>;
  readonly collisions: readonly Collision[];
}

/** As many holders of a range are named. */
const NAMED = 3;

/** `ephemeral`: where to look for ports that are not given, as the kernel does (ip_local_port_range). */
export function allotPorts(
  requests: readonly PortRequest[],
  held: readonly HeldPort[],
  ephemeral: { first: number; last: number },
): Allotted {
  const index = new Map<string, HeldPort[]>();
  const hold = (port: HeldPort) => {
    const others = index.get(keyOf(port));
    if (others) others.push(port);
    else index.set(keyOf(port), [port]);
  };
  const holderOf = (port: LivePort, isCertain: boolean) =>
    index.get(keyOf(port))?.find((other) => {
      const way = overlap(other.hostIp, port.hostIp, 'inode' in other.holder ? 'socket' : 'map');
      return isCertain ? way === 'yes' && !other.isDoubtful : way !== 'no';
    });
  held.forEach(hold);

  const publishers = new Map<string, LivePort[]>();
  // Nothing is let go of meanwhile: who looks for the next one of a range need not look again at what was taken.
  const looked = new Map<string, number>();
  const collisions: Collision[] = [];
  for (const { container, ports, before } of requests) {
    const hadOnes = grouped(before, placeOf);
    const chosen = ports.map((wanted): LivePort => {
      const { first, last } = wanted.range ?? ephemeral;
      const range = `${wanted.protocol} ${wanted.hostIp} ${first}-${last}`;
      const span = { first, last, from: looked.get(range) ?? first };
      const had = wanted.published === 0 ? hadOnes.get(placeOf(wanted))?.shift()?.published : undefined;
      const portAt = (published: number): LivePort => {
        const { protocol, target, hostIp } = wanted;
        return { protocol, target, hostIp, published };
      };
      for (const { published, isCertain } of candidatesFor(wanted, had, span)) {
        const port = portAt(published);
        if (holderOf(port, isCertain) !== undefined) continue;
        hold({ ...port, holder: { container } });
        if (wanted.published === 0 && published !== had) looked.set(range, published);
        return port;
      }
      const tried = wanted.published === 0 ? { first, last } : { first: wanted.published, last: wanted.published };
      const holders: HeldPort[] = [];
      for (let published = tried.first; published <= tried.last && holders.length < NAMED; published++) {
        const other = holderOf(portAt(published), true);
        if (other && !holders.some(({ holder }) => isDeepStrictEqual(holder, other.holder))) holders.push(other);
      }
      const port = portAt(tried.first);
      collisions.push({ container, port, ...(tried.last > tried.first && { last: tried.last }), held: holders });
      return port;
    });
    publishers.set(container, chosen);
  }
  return { publishers, collisions };
}

const keyOf = ({ protocol, published }: { protocol: string; published: number }): string => `${protocol} ${published}`;

const placeOf = ({ protocol, target, hostIp }: { protocol: string; target: number; hostIp: string }): string =>
  `${protocol} ${target} ${hostIp}`;

/** What it had is left for certain reasons only; others are taken that nobody has in any way, and at last those that may do. */
function* candidatesFor(
  { published }: DesiredPort,
  had: number | undefined,
  { first, last, from }: { first: number; last: number; from: number },
): Generator<{ published: number; isCertain: boolean }> {
  if (published !== 0) {
    yield { published, isCertain: true };
    return;
  }
  if (had !== undefined && had >= first && had <= last) yield { published: had, isCertain: true };
  for (let port = from; port <= last; port++) yield { published: port, isCertain: false };
  for (let port = first; port <= last; port++) yield { published: port, isCertain: true };
}

/**
 * Whether who has a port on the address `held` is in the way of one on `asked`. '' is every address, `::` those of IPv6; but a socket on
 * `::` takes IPv4 too unless told otherwise, which cannot be seen from outside: maybe.
 */
export function overlap(held: string, asked: string, by: 'socket' | 'map'): 'yes' | 'no' | 'maybe' {
  if (held === asked || held === '' || asked === '') return 'yes';
  if (isIpv6(held) !== isIpv6(asked)) return held === '::' && by === 'socket' ? 'maybe' : 'no';
  return [held, asked].some((address) => address === '::' || address === '0.0.0.0') ? 'yes' : 'no';
}

/** `port-in-use`, naming each holder. */
export function portError(conflicts: readonly PortConflict[]): TcomposeError {
  const { container } = conflicts[0]!;
  const each = conflicts.map(({ port, last, heldBy }) => `${formatPort(port, last)} is held by ${heldBy}`);
  const others = conflicts.length > 1 ? 'them' : 'it';
  return new TcomposeError(`cannot publish ports of ${container}: ${each.join(', ')}`, {
    code: 'port-in-use',
    address: `container/${container}`,
    help: `stop what holds ${others}, or publish another host port`,
  });
}

/** `[::1]:8080/tcp`; `0.0.0.0:8000-8010/tcp` with `last`. */
export const formatPort = (
  { hostIp, published, protocol }: Pick<LivePort, 'hostIp' | 'published' | 'protocol'>,
  last = published,
): string => {
  const numbers = last === published ? `${published}` : `${published}-${last}`;
  return `${isIpv6(hostIp) ? `[${hostIp}]` : hostIp || '0.0.0.0'}:${numbers}/${protocol}`;
};
