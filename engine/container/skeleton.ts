/**
 * The lowest layer of every container: the empty files and folders that mounts need. Where an image lacks them they would have to
 * be made in each container's writable layer, at each start; so they are made once, and the writable layer holds only what was written.
 */
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../state/files.ts';
import { type Paths, skeletonDir } from '../state/paths.ts';

const FOLDERS = ['dev', 'etc', 'proc', 'sys', 'sbin'];
const FILES = ['etc/hosts', 'etc/hostname', 'etc/resolv.conf'];

/** The folder, made when it is not there yet. It appears whole, or not at all. */
export function skeletonLayer(paths: Paths): string {
  const folder = skeletonDir(paths);
  if (existsSync(folder)) return folder;
  makeFolder(paths.root);
  const beside = `${folder}.${process.pid}`;
  mkdirSync(beside);
  for (const name of FOLDERS) mkdirSync(join(beside, name));
  for (const name of FILES) writeFileSync(join(beside, name), '');
  // Whatever our umask is: users of the container are to get through.
  for (const name of ['.', ...FOLDERS]) chmodSync(join(beside, name), 0o755);
  for (const name of FILES) chmodSync(join(beside, name), 0o644);
  try {
    renameSync(beside, folder);
  } catch {
    // Somebody else was first.
    rmSync(beside, { recursive: true, force: true });
  }
  return folder;
}
