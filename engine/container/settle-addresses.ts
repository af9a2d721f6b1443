/** Before a start: whose address was given to somebody else while it did not run, gets another one. */
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Host } from '../host.ts';
import { allotEndpoints, type Records } from '../network/index.ts';
import { writeContainerRecord } from '../state/container-records.ts';
import { withFolderLock } from '../state/file-lock.ts';
import type { ContainerRecord } from '../state/records.ts';
import { idleAmong } from './runtime.ts';

interface Circumstances {
  readonly instance: string;
  readonly failed: Map<string, Error>;
}

/** Those that can be started, with addresses of their own. One that asks by number for what another has is refused. */
export async function settleAddresses(
  host: Host,
  stopped: readonly ContainerRecord[],
  before: Records,
  { instance, failed }: Circumstances,
): Promise<readonly ContainerRecord[]> {
  if (clashes(stopped, before.containers, idleAmong(host.paths, before.containers)).length === 0) return stopped;
  const settled = new Map(stopped.map((record) => [record.name, record]));
  await withFolderLock(join(host.paths.root, 'containers'), async () => {
    const { networks, containers } = await host.records();
    let present = containers;
    for (const record of clashes(stopped, containers, idleAmong(host.paths, containers))) {
      try {
        // Two that are started together: the one that is looked at later moves.
        const starting = new Set(stopped.map(({ id }) => id));
        const idle = new Set([...idleAmong(host.paths, present)].filter((id) => !starting.has(id)));
        const others = present.filter(({ id }) => id !== record.id);
        const known = { networks, containers: others, idle };
        const kept = { endpoints: record.endpoints, isWired: false };
        const endpoints = allotEndpoints(record.madeFrom, record.id, known, instance, kept);
        const moved = { ...record, endpoints };
        await writeContainerRecord(host.paths, moved);
        settled.set(record.name, moved);
        present = [...others, moved];
      } catch (error) {
        failed.set(record.name, inUse(record, error as Error));
        settled.delete(record.name);
      }
    }
  });
  return [...settled.values()];
}

/** Who of them has an address that one has who runs, or one before it in the list. */
function clashes(
  stopped: readonly ContainerRecord[],
  all: readonly ContainerRecord[],
  idle: ReadonlySet<string>,
): readonly ContainerRecord[] {
  const starting = new Set(stopped.map(({ id }) => id));
  const used = new Set(all.flatMap((record) => (idle.has(record.id) || starting.has(record.id) ? [] : keysOf(record))));
  const asks = ({ madeFrom }: ContainerRecord) => Number(madeFrom.attachments.some(({ ipv4, ipv6 }) => ipv4 ?? ipv6));
  return stopped
    .toSorted((a, b) => asks(b) - asks(a))
    .filter((record) => {
      const own = keysOf(record);
      const isTaken = own.some((key) => used.has(key));
      if (!isTaken) for (const key of own) used.add(key);
      return isTaken;
    });
}

const keysOf = ({ endpoints }: ContainerRecord): readonly string[] =>
  endpoints.flatMap(({ network, ipv4, ipv6 }) =>
    [ipv4, ipv6].flatMap((given) => (given ? [`${network} ${given.address}`] : [])),
  );

const inUse = ({ name }: ContainerRecord, cause: Error) =>
  cause instanceof TcomposeError
    ? new TcomposeError(`${cause.message.replace('asks for', 'cannot be started with')}`, {
        code: 'address-in-use',
        address: `container/${name}`,
        help: 'stop the other one, or give one of them another address',
      })
    : cause;
