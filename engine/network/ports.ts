/** Which host ports containers get, and who is in the way. */
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
}

export interface Allotted {
  readonly publishers: ReadonlyMap<string, readonly LivePort[]>;
  readonly collisions: readonly { readonly container: string; readonly port: LivePort; readonly held: HeldPort }[];
}

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
  const holderOf = (port: LivePort) =>
    index.get(keyOf(port))?.find((other) => sharesAddress(other.hostIp, port.hostIp));
  held.forEach(hold);

  const publishers = new Map<string, LivePort[]>();
  // Nothing is let go of meanwhile: who looks for the next one of a range need not look again at what was taken.
  const looked = new Map<string, number>();
  const collisions: { container: string; port: LivePort; held: HeldPort }[] = [];
  for (const { container, ports, before } of requests) {
    const hadOnes = grouped(before, placeOf);
    const chosen = ports.map((wanted): LivePort => {
      const { first, last } = wanted.range ?? ephemeral;
      const range = `${wanted.protocol} ${wanted.hostIp} ${first}-${last}`;
      const span = { first, last, from: looked.get(range) ?? first };
      const had = wanted.published === 0 ? hadOnes.get(placeOf(wanted))?.shift()?.published : undefined;
      const candidates = candidatesFor(wanted, had, span);
      let firstTried: LivePort | undefined;
      for (const published of candidates) {
        const port = { protocol: wanted.protocol, target: wanted.target, hostIp: wanted.hostIp, published };
        firstTried ??= port;
        if (holderOf(port) !== undefined) continue;
        hold({ ...port, holder: { container } });
        if (wanted.published === 0 && published !== had) looked.set(range, published);
        return port;
      }
      // What was tried first stands for all: there is at least one candidate.
      const port = firstTried!;
      collisions.push({ container, port, held: holderOf(port)! });
      return port;
    });
    publishers.set(container, chosen);
  }
  return { publishers, collisions };
}

const keyOf = ({ protocol, published }: { protocol: string; published: number }): string => `${protocol} ${published}`;

const placeOf = ({ protocol, target, hostIp }: { protocol: string; target: number; hostIp: string }): string =>
  `${protocol} ${target} ${hostIp}`;

function* candidatesFor(
  { published }: DesiredPort,
  had: number | undefined,
  { first, last, from }: { first: number; last: number; from: number },
): Generator<number> {
  if (published !== 0) {
    yield published;
    return;
  }
  if (had !== undefined && had >= first && had <= last) yield had;
  for (let port = from; port <= last; port++) yield port;
}

/** A socket on `::` takes IPv4 too unless told otherwise, which cannot be seen from outside. */
export function sharesAddress(a: string, b: string): boolean {
  if (a === b || isAny(a, b) || isAny(b, a)) return true;
  return false;
}
const isAny = (address: string, other: string): boolean =>
  address === '' || address === '::' || (address === '0.0.0.0' && !isIpv6(other));

/** `port-in-use`, naming each holder. */
export function portError(conflicts: readonly PortConflict[]): TcomposeError {
  const { container } = conflicts[0]!;
  const each = conflicts.map(({ port, heldBy }) => `${formatPort(port)} is held by ${heldBy}`);
  const others = conflicts.length > 1 ? 'them' : 'it';
  return new TcomposeError(`cannot publish ports of ${container}: ${each.join(', ')}`, {
    code: 'port-in-use',
    address: `container/${container}`,
    help: `stop what holds ${others}, or publish another host port`,
  });
}

export const formatPort = ({
  hostIp,
  published,
  protocol,
}: Pick<LivePort, 'hostIp' | 'published' | 'protocol'>): string =>
  `${isIpv6(hostIp) ? `[${hostIp}]` : hostIp || '0.0.0.0'}:${published}/${protocol}`;
