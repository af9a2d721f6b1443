/** Host ports for containers about to start, all at once, checked against the instance's other port maps and the host's sockets. */
import { readFileSync } from 'node:fs';
import { TcomposeError } from '../../src/model/errors.ts';
import type { LivePort } from '../../src/model/live.ts';
import type { ContainerRecord } from '../state/records.ts';
import { findAddress } from './addresses.ts';
import type { Records } from './endpoints.ts';
import { findHolders, readListening } from './listening.ts';
import { allotPorts, type HeldPort, type PortConflict, type PortRequest } from './ports.ts';

export interface ResolvedPorts {
  readonly publishers: ReadonlyMap<string, readonly LivePort[]>;
  readonly conflicts: readonly PortConflict[];
}

/**
 * `records`: of the instance, those that stand in the way; `running`: all, whose supervisors hold their ports by sockets. Ephemeral ports
 * and ranges are chosen; every conflict is reported, none thrown.
 */
export function resolvePorts(
  requests: readonly PortRequest[],
  records: Records,
  running: readonly ContainerRecord[] = records.containers,
): ResolvedPorts {
  if (requests.every(({ ports }) => ports.length === 0)) {
    return { publishers: new Map(requests.map(({ container }) => [container, []])), conflicts: [] };
  }
  requests.forEach(checkAddresses);
  const asking = new Set(requests.map(({ container }) => container));
  const mapped = records.containers
    .filter(({ wanted, name }) => wanted && !asking.has(name))
    .flatMap(({ name, publishers }) => publishers.map((port): HeldPort => ({ ...port, holder: { container: name } })));
  const own = new Set(
    running.flatMap(({ wanted, publishers, publishersBefore = [] }) =>
      wanted ? [...publishers, ...publishersBefore].flatMap(socketsOf) : [],
    ),
  );
  // Name servers listen on the gateways of our own networks, where port maps leave them alone.
  const gateways = new Set(records.networks.flatMap(({ subnets }) => subnets.map(({ gateway }) => gateway)));
  const listening = readListening().filter((socket) => !gateways.has(socket.hostIp) && !own.has(keyOf(socket)));
  const { publishers, collisions } = allotPorts(requests, [...mapped, ...listening], readEphemeralRange());

  const inodes = new Set(collisions.flatMap(({ held }) => ('inode' in held.holder ? [held.holder.inode] : [])));
  const holders = inodes.size > 0 ? findHolders(inodes) : new Map<string, string>();
  const conflicts = collisions.map(({ container, port, held }) => ({
    container,
    port,
    heldBy: describe(held, holders),
  }));
  return { publishers, conflicts };
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
  'container' in holder
    ? `container ${holder.container}`
    : (holders.get(holder.inode) ?? 'a process of another namespace or the kernel');

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
