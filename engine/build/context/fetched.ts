/** Where what builds fetch is kept, beside the images: folders that appear whole or not at all, and go when they were not used for long. */
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { readdir, rename, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { imagesDir, type Paths } from '../../state/paths.ts';
import { removeTrees } from '../../state/remove-trees.ts';

const KEPT = 24;
/** A build that uses one has ended by then. */
const UNUSED_MS = 2 * 86_400_000;

export const fetchedDir = (paths: Paths): string => join(imagesDir(paths), 'fetched');

/** The folder of that name; made by `make` when it is not there. */
export async function keepFolder(paths: Paths, name: string, make: (into: string) => Promise<void>): Promise<string> {
  const folder = join(fetchedDir(paths), name);
  mkdirSync(fetchedDir(paths), { recursive: true, mode: 0o700 });
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    await utimesOf(folder);
    return folder;
  }
  const unfinished = join(fetchedDir(paths), `.making-${process.pid}-${randomBytes(4).toString('hex')}`);
  mkdirSync(unfinished, { mode: 0o700 });
  try {
    await make(unfinished);
    await rename(unfinished, folder).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was first.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await removeTrees([unfinished]);
  }
  await trim(paths);
  return folder;
}

/** Its own time is when it was last used: what is copied lies deeper. */
async function utimesOf(folder: string): Promise<void> {
  const now = new Date();
  await utimes(folder, now, now).catch(() => undefined);
}

async function trim(paths: Paths): Promise<void> {
  const folder = fetchedDir(paths);
  const now = Date.now();
  const names = await readdir(folder);
  const aged = await Promise.all(
    names.map(async (name) => ({
      path: join(folder, name),
      at: await stat(join(folder, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => now,
      ),
    })),
  );
  const old = aged.sort((a, b) => b.at - a.at).slice(KEPT);
  await removeTrees(old.filter(({ at }) => now - at > UNUSED_MS).map(({ path }) => path));
}

export const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
