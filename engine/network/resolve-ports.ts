/** Host ports for containers about to start, all at once, checked against the instance's other port maps and the host's sockets. */
import { readFileSync } from 'node:fs';
import { TcomposeError } from '../../src/model/errors.ts';
import type { LivePort } from '../../src/model/live.ts';
import type { ContainerRecord } from '../state/records.ts';
import { findAddress } from './addresses.ts';
import type { Records } from './endpoints.ts';
import { type HostSocket, readSockets } from './listening.ts';
import { allotPorts, type HeldPort, type PortConflict, type PortRequest } from './ports.ts';
import { findHolders, strangerName, UNKNOWN_HOLDER } from './socket-holders.ts';

export interface ResolvedPorts {
  readonly publishers: ReadonlyMap<string, readonly LivePort[]>;
  readonly conflicts: readonly PortConflict[];
}

export interface Claims {
  /** All whose supervisors may hold ports, those that are to let go of them included. */
  readonly all: readonly ContainerRecord[];
  /** Its supervisor lives: one that has ended holds nothing, though its record says what it had. */
  readonly isAlive: (record: ContainerRecord) => boolean;
}

/** `records`: of the instance, those that stand in the way. Ephemeral ports and ranges are chosen; every conflict is reported, none thrown. */
export function resolvePorts(requests: readonly PortRequest[], records: Records, claims: Claims): ResolvedPorts {
  if (requests.every(({ ports }) => ports.length === 0)) {
    return { publishers: new Map(requests.map(({ container }) => [container, []])), conflicts: [] };
  }
  requests.forEach(checkAddresses);
  const isAsked = askedBy(requests);
  const mapped = mapsInTheWay(requests, records, claims, isAsked);
  const own = ownSockets(claims, isAsked);
  // Name servers listen on the gateways of our own networks, where port maps leave them alone.
  const gateways = new Set(records.networks.flatMap(({ subnets }) => subnets.map(({ gateway }) => gateway)));
  const sockets = distinct(readSockets())
    .map(({ port, inode, isReceiving, ...place }): HeldPort => {
      // The near end of a connection leaves the port to who listens, or not, as the program wanted it (SO_REUSEADDR).
      const isDoubtful = place.protocol === 'tcp' && !isReceiving;
      return { ...place, published: port, holder: { inode }, isDoubtful };
    })
    .filter((socket) => !gateways.has(socket.hostIp) && !own.has(keyOf(socket)));
  const { publishers, collisions } = allotPorts(requests, [...mapped, ...sockets], readEphemeralRange());

  const inodes = new Set(
    collisions.flatMap(({ held }) => held.flatMap(({ holder }) => ('inode' in holder ? [holder.inode] : []))),
  );
  const holders = inodes.size > 0 ? findHolders(inodes, strangerName) : new Map<string, string>();
  const conflicts = collisions.map(({ held, ...place }) => ({
    ...place,
    heldBy: [...new Set(held.map((one) => describe(one, holders)))].join(', '),
  }));
  return { publishers, conflicts };
}

type IsAsked = (port: Pick<LivePort, 'protocol' | 'published'>) => boolean;

/** Ports that are given, that were had, or in a range. */
function askedBy(requests: readonly PortRequest[]): IsAsked {
  const numbers = new Set(
    requests.flatMap(({ ports, before }) =>
      [...ports, ...before].map(({ protocol, published }) => `${protocol} ${published}`),
    ),
  );
  const ranges = requests.flatMap(({ ports }) =>
    ports.flatMap(({ protocol, range }) => (range ? [{ protocol, ...range }] : [])),
  );
  return ({ protocol, published }) =>
    numbers.has(`${protocol} ${published}`) ||
    ranges.some((one) => one.protocol === protocol && published >= one.first && published <= one.last);
}

function mapsInTheWay(
  requests: readonly PortRequest[],
  { containers }: Records,
  { isAlive }: Claims,
  isAsked: IsAsked,
): readonly HeldPort[] {
  const asking = new Set(requests.map(({ container }) => container));
  return containers
    .filter(({ wanted, name }) => wanted && !asking.has(name))
    .flatMap((record) => {
      const isDoubtful = record.publishers.some(isAsked) && !isAlive(record);
      return record.publishers.map((port): HeldPort => ({ ...port, holder: { container: record.name }, isDoubtful }));
    });
}

function ownSockets({ all, isAlive }: Claims, isAsked: IsAsked): ReadonlySet<string> {
  return new Set(
    all.flatMap((record) => {
      const { wanted, publishers, publishersBefore = [] } = record;
      const asked = wanted ? [...publishers, ...publishersBefore].filter(isAsked) : [];
      return asked.length > 0 && isAlive(record) ? asked.flatMap(socketsOf) : [];
    }),
  );
}

/** A server's port has as many sockets as connections. */
function distinct(sockets: readonly HostSocket[]): readonly HostSocket[] {
  const found = new Map<string, HostSocket>();
  for (const socket of sockets) {
    const key = `${socket.protocol} ${socket.hostIp} ${socket.port}`;
    if (socket.isReceiving || !found.has(key)) found.set(key, socket);
  }
  return [...found.values()];
}

const keyOf = ({ protocol, hostIp, published }: Pick<LivePort, 'protocol' | 'hostIp' | 'published'>): string =>
  `${protocol} ${hostIp} ${published}`;

const socketsOf = (port: LivePort): readonly string[] =>
  (port.hostIp === '' ? ['0.0.0.0', '::'] : [port.hostIp]).map((hostIp) => keyOf({ ...port, hostIp }));

/** They become part of firewall rules. */
function checkAddresses({ container, ports }: PortRequest): void {
  const bad = ports.find(({ hostIp }) => hostIp !== '' && findAddress(hostIp) === undefined);
  if (bad === undefined) return;
  throw new TcomposeError(
    `container ${container} publishes port ${bad.published} on ${bad.hostIp}, which is no address`,
    {
      code: 'port-unusable',
      address: `container/${container}`,
      help: 'give an address of this host, as 127.0.0.1',
    },
  );
}

const describe = ({ holder }: HeldPort, holders: ReadonlyMap<string, string>): string =>
  'container' in holder ? `container ${holder.container}` : (holders.get(holder.inode) ?? UNKNOWN_HOLDER);

/** ip(7): where the kernel takes the ports of connections from. */
function readEphemeralRange(): { first: number; last: number } {
  try {
    const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
      .trim()
      .split(/\s+/)
      .map(Number);
    return { first: first ?? 32768, last: last ?? 60999 };
  } catch {
    return { first: 32768, last: 60999 };
  }
}
