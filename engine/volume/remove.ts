/** Removes volumes that no container uses. */
import { randomBytes } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { TcomposeError, TcomposeErrors } from '../../src/model/errors.ts';
import { readContainerRecords } from '../state/container-records.ts';
import { namesIn, syncFolderOf } from '../state/files.ts';
import { type Paths, volumeDir } from '../state/paths.ts';
import type { MountRecord } from '../state/records.ts';
import { removeTrees } from '../state/remove-trees.ts';
import { unmountVolume } from './attach.ts';
import { runningUsers } from './staging.ts';
import { readVolume, usersOf, volumeMissing, volumesDir } from './volume-records.ts';

/** What is on its way out; names of volumes never begin with a dot. */
const LEAVING = '.leaving-';

/** One rename: it is there or it is not. */
const setAside = async (paths: Paths, name: string): Promise<void> => {
  await unmountVolume(paths, name);
  const aside = join(volumesDir(paths), `${LEAVING}${randomBytes(6).toString('hex')}`);
  await rename(volumeDir(paths, name), aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
};

const inUse = (name: string, users: readonly string[]): TcomposeError =>
  new TcomposeError(
    `volume ${name} is used by ${users.length === 1 ? 'container' : 'containers'} ${users.join(', ')}`,
    {
      code: 'volume-in-use',
      address: `volume/${name}`,
      help: 'remove the containers first',
    },
  );

/**
 * Tries all and reports every failure. `force` forgives what is not there, never what is used. `replacing`: by what runs; who is stopped is
 * about to be made anew, or finds the new one under its name.
 */
export const removeVolumes = async (
  paths: Paths,
  names: readonly string[],
  options: { readonly force: boolean; readonly replacing?: boolean },
): Promise<void> => {
  const containers = readContainerRecords(paths);
  const errors: Error[] = [];
  for (const name of names) {
    const users = options.replacing ? runningUsers(paths, name).map((user) => user.name) : usersOf(containers, name);
    if (users.length > 0) errors.push(inUse(name, users));
    else if (readVolume(paths, name) !== undefined)
      await setAside(paths, name).catch((error: Error) => errors.push(error));
    else if (!options.force) errors.push(volumeMissing(name));
  }
  // Also what a removal that was killed has left.
  const leaving = namesIn(volumesDir(paths)).filter((name) => name.startsWith(LEAVING));
  if (leaving.length > 0) await syncFolderOf(join(volumesDir(paths), 'any'));
  await removeTrees(leaving.map((name) => join(volumesDir(paths), name))).catch((error: Error) => errors.push(error));
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new TcomposeErrors(errors);
};

export const removeAnonymousVolumes = async (paths: Paths, mounts: readonly MountRecord[]): Promise<void> => {
  const mine = mounts.filter((mount) => mount.kind === 'volume' && mount.anonymous).map((mount) => mount.source);
  if (mine.length === 0) return;
  const containers = readContainerRecords(paths);
  const unused = [...new Set(mine)].filter((name) => usersOf(containers, name).length === 0);
  await removeVolumes(paths, unused, { force: true });
};
