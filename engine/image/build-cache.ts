/**
 * What builds have made before: from the key of a step (engine/build/cache-key.ts) to its layer. It lies beside the images and keeps
 * layers from being swept, until it is trimmed. An entry may vanish at any time: then a step is made anew.
 */
import { mkdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../state/files.ts';
import { imagesDir, type Paths } from '../state/paths.ts';
import { isUsableLayer, readLayer } from './layers.ts';
import { committedLayers, readCatalogue } from './store.ts';

const CACHE_VERSION = 1;

export interface CacheEntry {
  readonly version: number;
  /** Absent: the step changes no file, and makes no layer. */
  readonly diffId?: string;
  /** When the step was done: what is taken from here gives the same image again. */
  readonly createdAt: string;
  /** The layer has reached the disk; else it counts in the boot that it was made in. */
  readonly isDurable: boolean;
}

/** More than these, and the entries that were not used for longest go. */
export interface CacheBounds {
  readonly entries: number;
  readonly bytes: number;
}
const BOUNDS: CacheBounds = { entries: 10_000, bytes: 30 * 2 ** 30 };

const cacheDir = (paths: Paths): string => join(imagesDir(paths), 'cache');
const entryPath = (paths: Paths, key: string): string => join(cacheDir(paths), key);
const A_DAY_MS = 86_400_000;

function read(path: string): CacheEntry | undefined {
  try {
    const entry = JSON.parse(readFileSync(path, 'utf8')) as CacheEntry;
    return entry.version === CACHE_VERSION ? entry : undefined;
  } catch {
    // Not there, or half of it is: neither is any loss.
    return undefined;
  }
}

/** Undefined: the step has to be done. The time of a use is remembered by the day. */
export function findCached(paths: Paths, key: string): CacheEntry | undefined {
  const path = entryPath(paths, key);
  const entry = read(path);
  if (entry === undefined) return undefined;
  if (entry.diffId !== undefined) {
    const known = entry.isDurable ? new Set([entry.diffId]) : committedLayers(readCatalogue(paths));
    if (!isUsableLayer(paths, entry.diffId, known)) return undefined;
  }
  const now = new Date();
  if (now.getTime() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > A_DAY_MS)
    try {
      utimesSync(path, now, now);
    } catch {
      // Trimmed this moment; the layer itself stays while we work.
    }
  return entry;
}

export async function remember(paths: Paths, key: string, entry: Omit<CacheEntry, 'version'>): Promise<void> {
  mkdirSync(cacheDir(paths), { recursive: true, mode: 0o700 });
  const text = JSON.stringify({ version: CACHE_VERSION, ...entry });
  await writeWhole(entryPath(paths, key), text, { durable: false });
}

interface Kept {
  readonly path: string;
  readonly entry: CacheEntry | undefined;
  readonly usedMs: number;
}

async function readAll(paths: Paths): Promise<readonly Kept[]> {
  const names = await readdir(cacheDir(paths)).catch(() => []);
  return Promise.all(
    names.map(async (name) => {
      const path = join(cacheDir(paths), name);
      const usedMs = (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
      return { path, entry: read(path), usedMs };
    }),
  );
}

/** Diff ids that sweeping leaves alone. */
export async function cachedLayers(paths: Paths): Promise<ReadonlySet<string>> {
  return new Set((await readAll(paths)).flatMap(({ entry }) => entry?.diffId ?? []));
}

/** What is kept for builds alone: layers that no image has. */
export async function cacheUse(paths: Paths): Promise<{ readonly entries: number; readonly bytes: number }> {
  const all = await readAll(paths);
  const images = committedLayers(readCatalogue(paths));
  const own = new Set(all.flatMap(({ entry }) => entry?.diffId ?? []).filter((diffId) => !images.has(diffId)));
  const bytes = [...own].reduce((sum, diffId) => sum + (readLayer(paths, diffId)?.sizeBytes ?? 0), 0);
  return { entries: all.length, bytes };
}

/** Removes entries, those unused for longest first; layers go with the next sweep (sweep.ts). Gives how many went. */
export async function trimCache(
  paths: Paths,
  bounds: CacheBounds = BOUNDS,
  unusedSince: number = Number.NEGATIVE_INFINITY,
): Promise<number> {
  const all = [...(await readAll(paths))].sort((a, b) => b.usedMs - a.usedMs);
  const images = committedLayers(readCatalogue(paths));
  const counted = new Set<string>();
  let [entries, bytes] = [0, 0];
  const gone = all.filter(({ entry, usedMs }) => {
    const diffId = entry?.diffId;
    if (diffId !== undefined && !images.has(diffId) && !counted.has(diffId)) {
      counted.add(diffId);
      bytes += readLayer(paths, diffId)?.sizeBytes ?? 0;
    }
    entries++;
    return entry === undefined || entries > bounds.entries || bytes > bounds.bytes || usedMs < unusedSince;
  });
  await Promise.all(gone.map(({ path }) => unlink(path).catch(() => undefined)));
  return gone.length;
}
