/** Clears away containers that were half made, half removed or replaced when their command was killed. */
import { join } from 'node:path';
import type { Host } from '../host.ts';
import { readContainerRecords } from '../state/container-records.ts';
import { withFolderLock } from '../state/file-lock.ts';
import { namesIn, sweepUnfinished } from '../state/files.ts';
import { containerRun, type Paths } from '../state/paths.ts';
import { stop } from '../supervise/control.ts';
import { removeFolders } from './remove-folders.ts';

/** Ids that have a folder and no record, or one that another took the place of. */
function strayIds(paths: Paths): readonly string[] {
  const known = new Set(readContainerRecords(paths).map((record) => record.id));
  const tops = [join(paths.root, 'containers'), join(paths.run, 'containers'), join(paths.run, 'contents')];
  const found = tops.flatMap(namesIn);
  return [...new Set(found)].filter((id) => /^[0-9a-f]{64}$/.test(id) && !known.has(id));
}

/** To be called with the lock of the containers' folder: who is making one holds it until the record is there. */
export async function sweepStrays(host: Host): Promise<void> {
  await sweepRecords(host.paths);
  const ids = strayIds(host.paths);
  await Promise.all(ids.map((id) => stop(containerRun(host.paths, id), { signal: 9, graceMs: 0 })));
  // What cannot go stays for the next one: it is no reason for a command about others to fail.
  await removeFolders(host, ids);
}

const sweepRecords = ({ root }: Paths): Promise<unknown> =>
  Promise.all(['.', 'networks', 'seccomp'].map((name) => sweepUnfinished(join(root, name))));

/** Takes the lock, which costs a process, only when there is something to do. */
export async function sweepIfNeeded(host: Host): Promise<void> {
  await sweepRecords(host.paths);
  if (strayIds(host.paths).length === 0) return;
  await withFolderLock(join(host.paths.root, 'containers'), () => sweepStrays(host), await host.session());
}
