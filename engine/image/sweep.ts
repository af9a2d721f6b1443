/** Removes what nothing refers to: unfinished work of dead processes, layers and blobs of no image. */
import { mkdir, readlink, rename, rmdir, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imagesDir, type Paths } from '../state/paths.ts';
import { isAlive } from '../state/process.ts';
import { removeTrees } from '../state/remove-trees.ts';
import { cachedLayers } from './build-cache.ts';
import { PART } from './kept-part.ts';
import { layersDir, linkPath } from './layers.ts';
import { blobPath, committedLayers, listFolder, partialDir, readCatalogue, type Work, withStoreLock } from './store.ts';

const WANTED = 'sweep-wanted';

const WORK_NAME = /^(\d+)-(\d+)-[0-9a-f]+$/;

const isLiveWork = (name: string): boolean => {
  const parts = WORK_NAME.exec(name);
  return parts !== null && isAlive({ pid: Number(parts[1]), startTime: parts[2]! });
};

/** Moves layers of no image into `trash`: renaming is quick, so the lock is held shortly. */
const setAsideLayers = async (paths: Paths, used: ReadonlySet<string>, trash: string): Promise<string[]> => {
  const names = (await listFolder(layersDir(paths))).filter((name) => name !== 'l' && !used.has(`sha256:${name}`));
  for (const name of names) await rename(join(layersDir(paths), name), join(trash, name));
  const gone = new Set(names);
  for (const link of await listFolder(join(layersDir(paths), 'l'))) {
    const target = await readlink(linkPath(paths, link)).catch(() => '');
    const hex = /^\.\.\/([0-9a-f]{64})\/fs$/.exec(target)?.[1];
    if (hex === undefined || gone.has(hex) || !used.has(`sha256:${hex}`)) await unlink(linkPath(paths, link));
  }
  return names.map((name) => `sha256:${name}`);
};

const removeBlobs = async (paths: Paths, used: ReadonlySet<string>): Promise<void> => {
  const names = await listFolder(join(imagesDir(paths), 'blobs', 'sha256'));
  const unused = names.map((name) => `sha256:${name}`).filter((digest) => !used.has(digest));
  await Promise.all(unused.map((digest) => unlink(blobPath(paths, digest)).catch(() => undefined)));
};

/** Without parts of layers that somebody may still go on with. */
const oldOf = async (paths: Paths, names: readonly string[]): Promise<readonly string[]> => {
  const isFresh = async (name: string): Promise<boolean> =>
    name.endsWith(PART) &&
    Date.now() - (await stat(join(partialDir(paths), name)).catch(() => NEVER)).mtimeMs < A_DAY_MS;
  const fresh = await Promise.all(names.map(isFresh));
  return names.filter((_, index) => !fresh[index]);
};

const NEVER = { mtimeMs: 0 };
const A_DAY_MS = 86_400_000;

/** Digests of the layers removed. While somebody adds images nothing is: who ends last does it. */
export const sweep = async (paths: Paths): Promise<readonly string[]> => {
  const { removed, garbage } = await withStoreLock(paths, async () => {
    const partial = await listFolder(partialDir(paths));
    if (partial.some(isLiveWork)) {
      await writeFile(join(partialDir(paths), WANTED), '', { mode: 0o600 });
      return { removed: [], garbage: [] };
    }
    const { images } = readCatalogue(paths);
    const trash = join(partialDir(paths), `trash-${process.pid}-${Date.now()}`);
    await mkdir(trash, { recursive: true, mode: 0o700 });
    const layers = new Set([...committedLayers(readCatalogue(paths)), ...(await cachedLayers(paths))]);
    const blobs = new Set(Object.entries(images).flatMap(([id, image]) => [id, ...image.manifests]));
    const removed = await setAsideLayers(paths, layers, trash);
    await removeBlobs(paths, blobs);
    const old = await oldOf(paths, partial);
    return { removed, garbage: [...old.map((name) => join(partialDir(paths), name)), trash] };
  });
  await removeTrees(garbage);
  return removed;
};

/** Ends what beginWork began. After a failure, or when somebody could not sweep because of us or was killed, we do. */
export const endWork = async (paths: Paths, work: Work, outcome: 'done' | 'failed'): Promise<void> => {
  // Mostly all that was made there has its place by now: no process is needed to remove nothing.
  await rmdir(work.folder).catch(() => removeTrees([work.folder]));
  const left = await listFolder(partialDir(paths));
  const isWanted = left.includes(WANTED) || left.some((name) => WORK_NAME.test(name) && !isLiveWork(name));
  const parts = left.filter((name) => name.endsWith(PART));
  if (outcome === 'failed' || isWanted || (await oldOf(paths, parts)).length > 0) await sweep(paths);
};

/**
 * Removes folders of `RUN --mount=type=cache` that were not used since then (milliseconds of 1970), and what a killed builder left half made.
 * While anybody works on the store none is: a step may have it. Gives how many went.
 */
export const sweepCacheMounts = (paths: Paths, unusedSinceMs: number): Promise<number> =>
  withStoreLock(paths, async () => {
    if ((await listFolder(partialDir(paths))).some(isLiveWork)) return 0;
    const top = join(imagesDir(paths), 'cache-mounts');
    const names = await listFolder(top);
    const used = await Promise.all(names.map(async (name) => (await stat(join(top, name))).mtimeMs));
    const gone = names.filter((name, index) => name.endsWith('.tmp') || used[index]! < unusedSinceMs);
    await removeTrees(gone.map((name) => join(top, name)));
    return gone.filter((name) => /^[0-9a-f]{64}(?:-\d+)?$/.test(name)).length;
  });
