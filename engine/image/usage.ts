/** What the store takes on the disk, and what of it nothing but builds would miss. */
import type { StoreUsage } from '../../src/model/engine.ts';
import type { Paths } from '../state/paths.ts';
import { cacheUse, trimCache } from './build-cache.ts';
import { readLayer } from './layers.ts';
import { committedLayers, readCatalogue } from './store.ts';
import { sweep, sweepCacheMounts } from './sweep.ts';

export const storeUsage = async (paths: Paths): Promise<StoreUsage> => ({
  layers: new Map(
    [...committedLayers(readCatalogue(paths))].map((diffId) => [diffId, readLayer(paths, diffId)?.sizeBytes ?? 0]),
  ),
  cache: await cacheUse(paths),
});

const ALL = { entries: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

export const pruneCache = async (
  paths: Paths,
  { unusedSinceMs = Number.POSITIVE_INFINITY }: { readonly unusedSinceMs?: number } = {},
): Promise<{ readonly entries: number; readonly bytes: number }> => {
  const before = await cacheUse(paths);
  const entries = await trimCache(paths, ALL, unusedSinceMs);
  const bytes = before.bytes - (await cacheUse(paths)).bytes;
  if (entries > 0) await sweep(paths);
  const mounts = await sweepCacheMounts(paths, unusedSinceMs);
  return { entries: entries + mounts, bytes };
};
