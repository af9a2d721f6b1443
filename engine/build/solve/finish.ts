/** From the target stage to an image of the store: its configuration, its names, and layers that are on the disk. */
import type { Built } from '../../../src/model/build.ts';
import { trimCache } from '../../image/build-cache.ts';
import { parseImageConfig } from '../../image/image-config.ts';
import { syncLayers } from '../../image/layers.ts';
import { parseTag } from '../../image/reference.ts';
import { commitImages, committedLayers, digestOf, readCatalogue, writeBlob } from '../../image/store.ts';
import type { HistoryEntry } from './base-image.ts';
import type { Solver, StageState } from './solver.ts';

const BEGINNING = '1970-01-01T00:00:00Z';

/**
 * Lines that make no layer have the time of the first layer made here, or of the layer before: BuildKit's rule. So a build that finds
 * everything in the cache gives the image that there is.
 */
export function withTimes(history: readonly HistoryEntry[], inherited: string): readonly HistoryEntry[] {
  const open = history.findIndex(({ created }) => created === undefined);
  if (open < 0) return history;
  const times = (entries: readonly HistoryEntry[]) => entries.flatMap(({ created }) => created ?? []);
  let last = times(history.slice(open))[0] ?? times(history).at(-1) ?? inherited;
  return history.map((entry, index) => {
    if (entry.created === undefined) return { created: last, ...entry };
    if (index > open) last = entry.created;
    return entry;
  });
}

/** Keys in the order of the alphabet, as Docker writes them: the same image has the same id. */
function imageConfig({ request, epoch }: Solver, state: StageState): Buffer {
  const { config, author } = state.image;
  const [os = 'linux', architecture = '', variant] = state.platform.split('/');
  const labels = { ...config.Labels, ...request.labels };
  const at = epoch === undefined ? undefined : new Date(epoch * 1000).toISOString();
  const own = at === undefined ? state.history : state.history.map((entry) => ({ created: at, ...entry }));
  const history = withTimes(own, state.created ?? BEGINNING);
  const whole = {
    architecture,
    ...(author !== undefined && { author }),
    config: { ...config, ...(Object.keys(labels).length > 0 && { Labels: labels }) },
    created: at ?? state.created ?? BEGINNING,
    history,
    os,
    rootfs: { type: 'layers', diff_ids: state.layers },
    ...(variant !== undefined && { variant }),
  };
  return Buffer.from(JSON.stringify(whole));
}

export async function finish(solver: Solver, state: StageState): Promise<Built> {
  const { host, request, steps, cache } = solver;
  const { paths } = host;
  return steps.run('exporting to image', undefined, async (voice) => {
    const bytes = imageConfig(solver, state);
    // What nobody could read again must not get into the store, where it would spoil the list of all.
    parseImageConfig(bytes);
    const id = digestOf(bytes);
    const tags = request.tags.map(parseTag);
    const before = readCatalogue(paths);
    const isNew = before.images[id] === undefined;
    voice.progress(`writing image ${id}`, bytes.length, bytes.length);
    if (isNew || tags.some((tag) => before.tags[tag] !== id)) {
      const known = committedLayers(before);
      if (state.layers.every((diffId) => known.has(diffId))) await syncLayers(paths);
      await writeBlob(paths, bytes);
      await commitImages(paths, [{ id, layers: state.layers, manifests: [], tags }]);
      if ((await cache.settle()) > 0) await trimCache(paths);
    }
    const image = await (await host.images()).find(id);
    if (image === undefined) throw new Error(`this is a bug in tcompose: ${id} is not in the store`);
    return { image, isNew };
  });
}
