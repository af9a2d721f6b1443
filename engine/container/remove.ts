/** Removes containers: what runs is killed; the record goes first, so that what is interrupted is a leftover and not half a container. */
import { rm, unlink } from 'node:fs/promises';
import type { Host } from '../host.ts';
import { syncFolderOf } from '../state/files.ts';
import { containerDir, containerRecord } from '../state/paths.ts';
import type { ContainerRecord } from '../state/records.ts';
import { removeCgroupParents } from './cgroup-parents.ts';
import { killGroup } from './kill-group.ts';
import { unpublish } from './publish.ts';
import { removeRunFolder, stopOne } from './stop.ts';
import { sweepIfNeeded } from './sweep.ts';

export async function removeContainers(
  host: Host,
  names: readonly string[],
  options: { readonly anonymousVolumes: boolean },
): Promise<ReadonlyMap<string, Error>> {
  const failed = new Map<string, Error>();
  const { containers } = await host.records();
  const records = containers.filter((record) => names.includes(record.name));
  const each = (work: (record: ContainerRecord) => Promise<void>) =>
    Promise.all(
      records.map(async (record) => {
        if (failed.has(record.name)) return;
        try {
          await work(record);
        } catch (error) {
          failed.set(record.name, error as Error);
        }
      }),
    );
  await each((record) => stopOne(host, record, { graceMs: 0, signal: 'KILL' }));
  await unpublish(
    host,
    records.filter((record) => !failed.has(record.name)),
    { stoppedByUser: true },
  );
  await each((record) => removeOne(host, record));
  await syncFolderOf(containerDir(host.paths, 'any')).catch(() => undefined);
  const volumes = await host.volumes();
  if (options.anonymousVolumes) await each((record) => volumes.removeAnonymous(record.mounts));
  await sweepIfNeeded(host);
  const [{ cgroups }, instance, left] = await Promise.all([host.facts(), host.instance(), host.records()]);
  removeCgroupParents(host.paths, cgroups, instance, left.containers);
  return failed;
}

async function removeOne(host: Host, { id }: ContainerRecord): Promise<void> {
  await unlink(containerRecord(host.paths, id)).catch(ignoreMissing);
  await killGroup(host, id);
  await Promise.all([rm(containerDir(host.paths, id), { recursive: true, force: true }), removeRunFolder(host, id)]);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
