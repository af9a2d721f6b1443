/**
 * Removes the folders of containers. The record is renamed first, so that what is interrupted is no container any more, and goes last, so
 * that what cannot be removed (a file that chattr made immutable, a mount in the writable layer) is still known by its name: as dead.
 */
import { existsSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host.ts';
import { namesIn } from '../state/files.ts';
import { containerDir, containerRecord, containerRun, contentsDir, DEAD, REMOVING } from '../state/paths.ts';
import { removeTrees } from '../state/remove-trees.ts';
import { killGroup } from './resources/kill-group.ts';

/** So many folders a call of rm: an argument list has its limits. */
const AT_ONCE = 2000;
const RECORDS: readonly string[] = [REMOVING, DEAD];

/** From here on it is none of the instance's containers, whatever happens. */
export function beginRemoval({ paths }: Host, id: string): void {
  const aside = join(containerDir(paths, id), REMOVING);
  for (const path of [containerRecord(paths, id), join(containerDir(paths, id), DEAD)]) {
    if (existsSync(path)) renameSync(path, aside);
  }
}

/** Gives the ids of those of which something is left; they are dead from then on. One process for all of them. */
export async function removeFolders(host: Host, ids: readonly string[]): Promise<readonly string[]> {
  if (ids.length === 0) return [];
  await Promise.all(ids.map((id) => killGroup(host, id)));
  const parts = ids.flatMap((id) => [...partsOf(host, id), containerRun(host.paths, id), contentsDir(host.paths, id)]);
  for (let at = 0; at < parts.length; at += AT_ONCE) {
    // What it could not remove is seen below.
    await removeTrees(parts.slice(at, at + AT_ONCE)).catch(() => undefined);
  }
  const left = new Set(ids.filter((id) => partsOf(host, id).length > 0));
  for (const id of left) markDead(host, id);
  const gone = ids.filter((id) => !left.has(id));
  await Promise.all(gone.map((id) => rm(containerDir(host.paths, id), { recursive: true, force: true })));
  return [...left];
}

/** All but the record. */
function partsOf({ paths }: Host, id: string): readonly string[] {
  const folder = containerDir(paths, id);
  return namesIn(folder).flatMap((name) => (RECORDS.includes(name) ? [] : [join(folder, name)]));
}

function markDead({ paths }: Host, id: string): void {
  const removing = join(containerDir(paths, id), REMOVING);
  if (existsSync(removing)) renameSync(removing, join(containerDir(paths, id), DEAD));
}
