/** As whom a container runs: to whom `cp -a` gives what it brings. */
import { resolveIdentity } from '../container/identity.ts';
import { readAccountFiles } from '../container/rootfs-files.ts';
import type { Host } from '../host.ts';
import type { ContainerRecord } from '../state/records.ts';

export async function ownerOf(
  host: Host,
  record: ContainerRecord,
): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  // Nobody said who it is: ids stay as they come.
  if (record.madeFrom.user === '') return undefined;
  const layers = await (await host.images()).layerPaths(record.madeFrom.image.id);
  const { uid, gid } = resolveIdentity(record.madeFrom, await readAccountFiles(host, record.id, layers));
  return { uid, gid };
}
