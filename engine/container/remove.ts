/** Removes containers: what runs is killed; of what is interrupted or cannot be removed the next command goes on. */
import { TcomposeError } from '../../src/model/errors.ts';
import type { Host } from '../host.ts';
import { readHalfRemoved } from '../state/container-records.ts';
import { syncFolderOf } from '../state/files.ts';
import { containerDir } from '../state/paths.ts';
import type { ContainerRecord } from '../state/records.ts';
import { beginRemoval, removeFolders } from './remove-folders.ts';
import { removeCgroupParents } from './resources/cgroup-parents.ts';
import { stopOne } from './stop.ts';
import { sweepIfNeeded } from './sweep.ts';
import { unpublish } from './update/publish.ts';

export async function removeContainers(
  host: Host,
  names: readonly string[],
  options: { readonly anonymousVolumes: boolean },
): Promise<ReadonlyMap<string, Error>> {
  const failed = new Map<string, Error>();
  const { containers } = await host.records();
  const records = containers.filter((record) => names.includes(record.name));
  // What an earlier removal left is gone on with.
  const dead = readHalfRemoved(host.paths).flatMap(({ record }) => (names.includes(record.name) ? [record] : []));
  const isWell = ({ name }: ContainerRecord): boolean => !failed.has(name);
  const each = (some: readonly ContainerRecord[], work: (record: ContainerRecord) => Promise<void> | void) =>
    Promise.all(
      some.filter(isWell).map(async (record) => {
        try {
          await work(record);
        } catch (error) {
          failed.set(record.name, error as Error);
        }
      }),
    );
  await each(records, (record) => stopOne(host, record, { graceMs: 0, signal: 'KILL' }));
  await unpublish(host, records.filter(isWell), { stoppedByUser: true });
  const going = [...records, ...dead];
  await each(going, ({ id }) => beginRemoval(host, id));
  const stuck = await removeFolders(
    host,
    going.filter(isWell).map(({ id }) => id),
  );
  for (const { id, name } of going) if (stuck.includes(id)) failed.set(name, somethingLeft(host, id, name));
  await syncFolderOf(containerDir(host.paths, 'any')).catch(() => undefined);
  const volumes = await host.volumes();
  if (options.anonymousVolumes) await each(going, (record) => volumes.removeAnonymous(record.mounts));
  await sweepIfNeeded(host);
  const [{ cgroups }, instance, left] = await Promise.all([host.facts(), host.instance(), host.records()]);
  removeCgroupParents(host.paths, cgroups, instance, left.containers);
  return failed;
}

const somethingLeft = ({ paths }: Host, id: string, name: string): TcomposeError =>
  new TcomposeError(`container ${name} is dead: something in ${containerDir(paths, id)} cannot be removed`, {
    code: 'remove-failed',
    address: `container/${name}`,
    help: 'see what holds it (findmnt, lsattr -R), then remove it again',
  });
