/**
 * The lowest layer of every container: the empty files and folders that mounts need. Where an image lacks them they would have to
 * be made in each container's writable layer, at each start; so they are made once, and the writable layer holds only what was written.
 */
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../state/files.ts';
import { type Paths, skeletonDir } from '../state/paths.ts';

const FOLDERS = ['dev', 'etc', 'proc', 'sys'];
/** Where the program lies that `init` asks for. */
const FOR_INIT = 'sbin';
const FILES = ['etc/hosts', 'etc/hostname', 'etc/resolv.conf'];

/** What tells programs that they are in a container. */
const MARK = '.dockerenv';

/** What programs expect to find in a container of Docker's; the mark last, since it says that all is there. */
function addExpected(folder: string): void {
  try {
    symlinkSync('/proc/mounts', join(folder, 'etc/mtab'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  writeFileSync(join(folder, MARK), '');
  chmodSync(join(folder, MARK), 0o755);
}

/** The folder, made when it is not there yet. It appears whole, or not at all. */
export function skeletonLayer(paths: Paths): string {
  const folder = skeletonDir(paths);
  if (existsSync(join(folder, MARK))) return folder;
  // Of an earlier version: what it lacks comes beside the rest.
  if (existsSync(folder)) {
    addExpected(folder);
    return folder;
  }
  makeFolder(paths.root);
  const beside = `${folder}.${process.pid}`;
  mkdirSync(beside);
  fillSkeleton(beside, [...FOLDERS, FOR_INIT]);
  addExpected(beside);
  try {
    renameSync(beside, folder);
  } catch {
    // Somebody else was first.
    rmSync(beside, { recursive: true, force: true });
  }
  return folder;
}

/** The same for a step of a build, which has no init: it sees no folder that is not the image's own. `folder` may have some of it. */
export const skeletonOfStep = (folder: string): void => fillSkeleton(folder, FOLDERS);

function fillSkeleton(folder: string, folders: readonly string[]): void {
  for (const name of folders) mkdirSync(join(folder, name), { recursive: true });
  for (const name of FILES) writeFileSync(join(folder, name), '');
  // Whatever our umask is: users of the container are to get through.
  for (const name of ['.', ...folders]) chmodSync(join(folder, name), 0o755);
  for (const name of FILES) chmodSync(join(folder, name), 0o644);
}
