/** Everything that nobody needs goes: what stopped, what nobody is on, what nothing is made of. Volumes only when they are asked for. */

import { isDefaultBridge } from '../model/default-bridge.ts';
import { TcomposeErrors } from '../model/errors.ts';
import type { LiveContainer } from '../model/live.ts';
import { attachedTo } from '../plan/objects.ts';
import type { Context } from './context.ts';
import { PRUNE_FILTERS as IMAGE_FILTERS, readImageFilters } from './image-filters.ts';
import { removeUnused, unusedImages } from './image-prune.ts';
import { momentOf, PRUNE_FILTERS, parseFilters, passesAll } from './network-filter.ts';
import { pruneNetworks } from './network-manage.ts';
import { pruneVolumes } from './volumes-life.ts';

export interface SystemPruneOptions {
  readonly all: boolean;
  readonly volumes: boolean;
  /** `until=…`, `label=…`, `label!=…`: of containers, networks and images alike. */
  readonly filters: readonly string[];
}

/** What would go, by name. Networks and images of containers that go first are among them. */
export interface SystemPrunePlan {
  readonly containers: readonly string[];
  readonly networks: readonly string[];
  readonly images: readonly string[];
  readonly volumes: readonly string[];
}

export interface SystemPruned extends SystemPrunePlan {
  readonly untagged: readonly string[];
  readonly deleted: readonly string[];
  readonly bytes: number;
}

const stands = ({ status }: LiveContainer): boolean => status === 'exited' || status === 'created' || status === 'dead';

function passes(live: LiveContainer, texts: readonly string[]): boolean {
  return parseFilters(texts, PRUNE_FILTERS).every(({ key, value }) => {
    if (key === 'until') return Date.parse(live.createdAt) < momentOf(value);
    const [label = '', wanted] = value.split(/=(.*)/s);
    const { labels } = live.madeFrom;
    return (Object.hasOwn(labels, label) && (wanted === undefined || labels[label] === wanted)) === (key === 'label');
  });
}

export async function planSystemPrune(
  { engine }: Context,
  { all, volumes, filters }: SystemPruneOptions,
): Promise<SystemPrunePlan> {
  const live = await engine.snapshot({ networkDamage: false });
  const gone = live.containers.filter((one) => stands(one) && passes(one, filters));
  const left = live.containers.filter((one) => !gone.includes(one));
  const networks = live.networks
    .filter(({ name }) => !isDefaultBridge(name) && !left.some((one) => attachedTo(one, name)))
    .filter((network) => passesAll(parseFilters(filters, PRUNE_FILTERS), network, left));
  const leaving = { ...engine, snapshot: async () => ({ ...live, containers: left }) };
  const images = await unusedImages(
    { engine: leaving },
    {
      all,
      filters: readImageFilters(filters, IMAGE_FILTERS),
    },
  );
  const names = new Set(gone.map(({ name }) => name));
  const free = live.volumes.filter(
    ({ usedBy, madeFrom, anonymous }) => anonymous && !madeFrom.external && usedBy.every((user) => names.has(user)),
  );
  return {
    containers: [...names].sort(),
    networks: networks.map(({ name }) => name).sort(),
    images: images.map(({ id, tags }) => tags[0] ?? id).sort(),
    volumes: volumes ? free.map(({ name }) => name).sort() : [],
  };
}

/** What was planned; what is in use by then stays. */
export async function systemPrune(
  context: Context,
  options: SystemPruneOptions,
  plan: SystemPrunePlan,
): Promise<SystemPruned> {
  const { engine } = context;
  const sizes = await Promise.all(
    plan.containers.map(
      async (name) => (await engine.containers.size(name).catch(() => undefined))?.writableBytes ?? 0,
    ),
  );
  const { failed } = await engine.containers.remove(plan.containers, { anonymousVolumes: false });
  if (failed.size > 0) throw new TcomposeErrors([...failed.values()]);
  await pruneNetworks(context, plan.networks);
  const filters = readImageFilters(options.filters, IMAGE_FILTERS);
  const chosen = new Set(plan.images);
  const images = (await unusedImages(context, { all: options.all, filters })).filter(({ id, tags }) =>
    chosen.has(tags[0] ?? id),
  );
  const pruned = await removeUnused(context, images);
  const noFilter = { labels: [], noLabels: [], names: [], drivers: [] };
  const volumes = options.volumes ? await pruneVolumes(context, { all: false, filter: noFilter }) : undefined;
  // The cache has no labels, as with Docker; a time is the only thing that it is asked by.
  const until = filters.find(({ key }) => key === 'until');
  const cache = filters.some(({ key }) => key.startsWith('label'))
    ? { bytes: 0 }
    : await engine.images.pruneCache(until === undefined ? {} : { unusedSinceMs: momentOf(until.value) });
  const bytes = sizes.reduce((sum, one) => sum + one, 0) + pruned.bytes + (volumes?.bytes ?? 0) + cache.bytes;
  return { ...plan, volumes: volumes?.removed ?? [], untagged: pruned.untagged, deleted: pruned.deleted, bytes };
}
