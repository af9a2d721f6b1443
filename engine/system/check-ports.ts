/** Host ports of a whole plan, before anything is touched: what lists tell, and for the rest what the kernel says to a try. */
import type { DesiredContainer, DesiredNetwork } from '../../src/model/desired.ts';
import type { LivePort } from '../../src/model/live.ts';
import { isRunning } from '../container/runtime.ts';
import { portUnusable } from '../container/update/held-ports.ts';
import type { Host } from '../host.ts';
import { findAddress, findPrefix } from '../network/addresses.ts';
import { holdersOf, type PortConflict, portError, type Records, resolvePorts, tryPorts } from '../network/index.ts';

/** Trying costs some 50 µs each; thousands are left to their lists. */
const MOST_TRIED = 512;

interface Asked {
  readonly containers: readonly DesiredContainer[];
  readonly networks: readonly DesiredNetwork[];
}

/** All of its networks are internal: its ports are not published. */
function isShutIn({ attachments }: DesiredContainer, networks: readonly DesiredNetwork[], records: Records): boolean {
  const all = [...networks, ...records.networks.map(({ madeFrom }) => madeFrom)];
  const isInternal = ({ network }: { network: string }) => all.find(({ name }) => name === network)?.internal === true;
  return attachments.length > 0 && attachments.every(isInternal);
}

/** One error a container. `leaving`: containers that stop or go before these start. */
export async function portProblems(
  host: Host,
  { containers, networks }: Asked,
  leaving: ReadonlySet<string>,
): Promise<readonly Error[]> {
  if (containers.every(({ ports }) => ports.length === 0)) return [];
  const records = await host.records();
  const before = (name: string) => records.containers.find((record) => record.name === name)?.publishers ?? [];
  const starting = new Set(containers.map(({ name }) => name));
  const isAlive = (record: Records['containers'][number]) => isRunning(host.paths, record);
  const { publishers, conflicts } = resolvePorts(
    containers.map((one) => ({
      container: one.name,
      ports: isShutIn(one, networks, records) ? [] : one.ports,
      before: before(one.name),
    })),
    { ...records, containers: records.containers.filter(({ name }) => !leaving.has(name) && !starting.has(name)) },
    { all: records.containers, isAlive },
  );
  const known = new Set(conflicts.map(({ container, port }) => keyOf(container, port)));
  const ours = new Set(
    records.containers.flatMap((record) => {
      const { publishers, publishersBefore = [] } = record;
      return publishers.length > 0 && isAlive(record) ? [...publishers, ...publishersBefore].map(numberOf) : [];
    }),
  );
  const open = [...publishers].flatMap(([container, ports]) =>
    ports
      .filter((port) => !known.has(keyOf(container, port)) && !ours.has(numberOf(port)))
      .map((port) => ({ ...port, container })),
  );
  const refused = await tryPorts(open.slice(0, MOST_TRIED));
  const taken = refused.flatMap(({ port: { container, ...port }, code }): readonly PortConflict[] =>
    code === 'EADDRINUSE' ? [{ container, port, heldBy: holdersOf(port) }] : [],
  );
  const unusable = refused.flatMap(({ port: { container, ...port }, code }) =>
    code === 'EADDRNOTAVAIL' && isToBe(port.hostIp, networks, records)
      ? []
      : (portUnusable(container, port, code) ?? []),
  );
  const all = [...conflicts, ...taken];
  return [
    ...[...starting].flatMap((name) => {
      const own = all.filter(({ container }) => container === name);
      return own.length > 0 ? [portError(own)] : [];
    }),
    ...unusable,
  ];
}

const numberOf = ({ protocol, published }: LivePort): string => `${protocol} ${published}`;
const keyOf = (container: string, port: LivePort): string => `${container} ${port.hostIp} ${numberOf(port)}`;

/** An address of a network, which its bridge may not have yet. */
function isToBe(hostIp: string, networks: readonly DesiredNetwork[], records: Records): boolean {
  const subnets = [
    ...networks.flatMap(({ ipam }) => ipam.flatMap(({ subnet }) => subnet ?? [])),
    ...records.networks.flatMap(({ subnets }) => subnets.map(({ subnet }) => subnet)),
  ];
  const address = findAddress(hostIp);
  return subnets.some((subnet) => {
    const prefix = findPrefix(subnet);
    if (address === undefined || prefix === undefined || prefix.family !== address.family) return false;
    const shift = BigInt((prefix.family === 4 ? 32 : 128) - prefix.length);
    return address.value >> shift === prefix.value >> shift;
  });
}
