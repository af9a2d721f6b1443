/**
 * Folders of `--mount=type=cache`, one for each id, shared by all builds of the instance. `locked`: others wait. `private`: who finds it
 * taken gets another one. A folder is there whole or not at all.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { tryFileLock, withFileLock } from '../../state/file-lock.ts';
import { removeTrees } from '../../state/remove-trees.ts';

export interface OpenCache {
  /** Holds `tree`, which is mounted. */
  readonly folder: string;
  release(): Promise<void>;
}

const nothing = async (): Promise<void> => {};

/** `fill`: makes `tree` in a new folder. */
export async function openCache(
  folder: string,
  sharing: 'shared' | 'private' | 'locked',
  fill: (fresh: string) => Promise<void>,
): Promise<OpenCache> {
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
  if (sharing === 'shared') return { folder: await ready(folder, fill), release: nothing };
  if (sharing === 'locked') {
    const release = await holdLock(`${folder}.lock`);
    return { folder: await ready(folder, fill), release };
  }
  for (let copy = 0; ; copy++) {
    const place = copy === 0 ? folder : `${folder}-${copy}`;
    const lock = await tryFileLock(`${place}.lock`);
    if (lock !== undefined) return { folder: await ready(place, fill), release: lock.release };
  }
}

/** Waits for a lock that is then held for as long as the caller likes. */
function holdLock(path: string): Promise<() => Promise<void>> {
  return new Promise((resolve, reject) => {
    const held = withFileLock(
      path,
      () =>
        new Promise<void>((end) => {
          resolve(async () => {
            end();
            await held;
          });
        }),
    );
    held.catch(reject);
  });
}

/** Its time of modification says when it was last used. */
async function ready(folder: string, fill: (fresh: string) => Promise<void>): Promise<string> {
  if (!existsSync(folder)) {
    const fresh = `${folder}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
    await mkdir(fresh, { mode: 0o755 });
    try {
      await fill(fresh);
      await rename(fresh, folder);
    } catch (error) {
      await removeTrees([fresh]);
      // Somebody else was first.
      if (!existsSync(folder)) throw error;
    }
  }
  const now = new Date();
  await utimes(folder, now, now).catch(() => undefined);
  return folder;
}
