/** What everything takes on the disk, in the words of `docker system df`. Reclaimable is what a prune of all that is unused would give. */
import type { ImageInfo } from '../model/engine.ts';
import type { LiveContainer, LiveVolume } from '../model/live.ts';
import type { Context } from './context.ts';
import { splitTag } from './images.ts';
import { ago, moment, sizeWords, statusWords } from './words.ts';

export interface UsageRow {
  readonly Type: string;
  readonly TotalCount: string;
  readonly Active: string;
  readonly Size: string;
  readonly Reclaimable: string;
}

export interface ImageUsage {
  readonly Repository: string;
  readonly Tag: string;
  readonly ID: string;
  readonly CreatedSince: string;
  readonly CreatedAt: string;
  readonly Size: string;
  readonly SharedSize: string;
  readonly UniqueSize: string;
  readonly Containers: string;
}

export interface ContainerUsage {
  readonly ID: string;
  readonly Image: string;
  readonly Command: string;
  readonly LocalVolumes: string;
  readonly Size: string;
  readonly RunningFor: string;
  readonly Status: string;
  readonly Names: string;
}

export interface VolumeUsage {
  readonly Name: string;
  readonly Links: string;
  readonly Size: string;
}

export interface DiskUsage {
  readonly rows: readonly UsageRow[];
  readonly images: readonly ImageUsage[];
  readonly containers: readonly ContainerUsage[];
  readonly volumes: readonly VolumeUsage[];
  readonly cache: { readonly entries: number; readonly bytes: number };
}

interface Sum {
  readonly total: number;
  readonly active: number;
  readonly bytes: number;
  readonly reclaimable: number;
}

const row = (type: string, { total, active, bytes, reclaimable }: Sum): UsageRow => ({
  Type: type,
  TotalCount: String(total),
  Active: String(active),
  Size: sizeWords(bytes),
  Reclaimable:
    bytes === 0 || type === 'Build Cache'
      ? sizeWords(reclaimable)
      : `${sizeWords(reclaimable)} (${Math.floor((100 * reclaimable) / bytes)}%)`,
});

const add = (numbers: Iterable<number>): number => [...numbers].reduce((sum, one) => sum + one, 0);

export async function diskUsage(context: Context): Promise<DiskUsage> {
  const { engine } = context;
  const [images, { containers, volumes }, usage] = await Promise.all([
    engine.images.list(),
    engine.snapshot({ networkDamage: false }),
    engine.images.usage(),
  ]);
  const usersOf = (image: ImageInfo): readonly LiveContainer[] =>
    containers.filter(({ madeFrom }) => madeFrom.image.id === image.id);
  const sizes = await sizesOf(context, containers, volumes);
  const inUse = images.filter((image) => usersOf(image).length > 0);
  const kept = new Set(inUse.flatMap(({ layers }) => layers));
  const all = add(usage.layers.values());
  const runs = ({ status }: LiveContainer) => status === 'running' || status === 'paused' || status === 'restarting';
  const bytesOf = (chosen: readonly { readonly name: string }[], of: ReadonlyMap<string, number>) =>
    add(chosen.map(({ name }) => of.get(name) ?? 0));
  const used = volumes.filter(({ usedBy }) => usedBy.length > 0);
  const { cache } = usage;
  return {
    rows: [
      row('Images', {
        total: images.length,
        active: inUse.length,
        bytes: all,
        reclaimable: all - add([...kept].map((layer) => usage.layers.get(layer) ?? 0)),
      }),
      row('Containers', {
        total: containers.length,
        active: containers.filter(runs).length,
        bytes: add(sizes.containers.values()),
        reclaimable: bytesOf(
          containers.filter((live) => !runs(live)),
          sizes.containers,
        ),
      }),
      row('Local Volumes', {
        total: volumes.length,
        active: used.length,
        bytes: add(sizes.volumes.values()),
        reclaimable: bytesOf(
          volumes.filter(({ usedBy }) => usedBy.length === 0),
          sizes.volumes,
        ),
      }),
      row('Build Cache', { total: cache.entries, active: 0, bytes: cache.bytes, reclaimable: cache.bytes }),
    ],
    images: images.flatMap((image) => imageRows(image, images, usage.layers, usersOf(image).length, context.clock())),
    containers: containers.map((live) => containerRow(live, sizes.containers.get(live.name) ?? 0, context.clock())),
    volumes: volumes.map(({ name, usedBy }) => ({
      Name: name,
      Links: String(usedBy.length),
      Size: sizeWords(sizes.volumes.get(name) ?? 0),
    })),
    cache,
  };
}

/** What is removed while it is measured takes nothing. */
async function sizesOf({ engine }: Context, containers: readonly LiveContainer[], volumes: readonly LiveVolume[]) {
  const measure = async (names: readonly string[], size: (name: string) => Promise<number>) => {
    const found = new Map<string, number>();
    for (const name of names) found.set(name, await size(name).catch(() => 0));
    return found;
  };
  return {
    containers: await measure(
      containers.map(({ name }) => name),
      async (name) => (await engine.containers.size(name)).writableBytes,
    ),
    volumes: await measure(
      volumes.map(({ name }) => name),
      (name) => engine.volumes.size(name),
    ),
  };
}

function imageRows(
  image: ImageInfo,
  all: readonly ImageInfo[],
  sizes: ReadonlyMap<string, number>,
  containers: number,
  now: number,
): readonly ImageUsage[] {
  const others = new Set(all.flatMap(({ id, layers }) => (id === image.id ? [] : layers)));
  const shared = add(image.layers.filter((layer) => others.has(layer)).map((layer) => sizes.get(layer) ?? 0));
  const names = image.tags.length > 0 ? image.tags.map(splitTag) : [['<none>', '<none>'] as const];
  return names.map(([Repository, Tag]) => ({
    Repository,
    Tag,
    ID: image.id.replace(/^sha256:/, '').slice(0, 12),
    CreatedSince: ago(image.createdAt, now),
    CreatedAt: moment(image.createdAt),
    Size: sizeWords(image.sizeBytes),
    SharedSize: sizeWords(shared),
    UniqueSize: sizeWords(image.sizeBytes - shared),
    Containers: String(containers),
  }));
}

const containerRow = (live: LiveContainer, bytes: number, now: number): ContainerUsage => ({
  ID: live.id.slice(0, 12),
  Image: live.madeFrom.image.ref,
  Command: JSON.stringify(live.madeFrom.argv.join(' ').slice(0, 20)),
  LocalVolumes: String(live.mounts.filter(({ kind }) => kind === 'volume').length),
  Size: sizeWords(bytes),
  RunningFor: ago(live.createdAt, now),
  Status: statusWords(live, now),
  Names: live.name,
});
