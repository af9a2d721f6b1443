/** `docker save` archives of every age, and OCI layouts, into the store. */
import { TcomposeError } from '../../src/model/errors.ts';
import type { Paths } from '../state/paths.ts';
import type { Archive } from './archive.ts';
import { type Source, sourcesOf } from './archive-sources.ts';
import { parseImageConfig } from './image-config.ts';
import type { LayerSink } from './layer-sink.ts';
import { invalidArchive } from './manifest.ts';
import { fullReference, parseReference, parseTag } from './reference.ts';
import { makeSlots, type Slots } from './slots.ts';
import { beginWork, type Catalogue, commitImages, type NewImage, readCatalogue, writeBlob } from './store.ts';
import { endWork } from './sweep.ts';
import { explainUnpacking } from './unpack-layer.ts';

export interface LoadRequest {
  readonly paths: Paths;
  readonly launcher: string;
  readonly onProgress?: (bytes: number) => void;
}

/** As dockerd pulls them. */
const LAYERS_AT_ONCE = 3;

interface Loading {
  readonly paths: Paths;
  readonly archive: Archive;
  readonly slots: Slots;
  /** By member and diff id: images of one archive share layers. */
  readonly layers: Map<string, Promise<void>>;
}

/** A layer is what the configuration says: then it is one. */
const addLayer = async (
  archive: Archive,
  { name, digest }: Source['layers'][number],
  diffId: string,
): Promise<void> => {
  const layer = await archive.layer(name, diffId);
  if (layer === undefined) throw invalidArchive(`the layer ${name} is missing`);
  if (layer.diffId === diffId && (digest === undefined || layer.digest === digest)) return;
  throw new TcomposeError(
    `the layer ${name} is not the one that the configuration names: ${layer.diffId} instead of ${diffId}`,
    {
      code: 'digest-mismatch',
      help: 'get the archive again: it was damaged or tampered with',
    },
  );
};

const addLayers = async ({ archive, slots, layers }: Loading, source: Source, diffIds: readonly string[]) => {
  if (source.layers.length !== diffIds.length)
    throw invalidArchive(`it lists ${source.layers.length} layers, and the configuration ${diffIds.length}`);
  let hasFailed = false;
  const added = source.layers.map((layer, index) => {
    const key = `${diffIds[index]} ${layer.name}`;
    const known =
      layers.get(key) ??
      slots(async () => (hasFailed ? undefined : addLayer(archive, layer, diffIds[index]!))).catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    layers.set(key, known);
    return known;
  });
  // All have ended before the folder that they work in goes away.
  const failed = (await Promise.allSettled(added)).find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
};

const addImage = async (loading: Loading, source: Source): Promise<NewImage> => {
  const { paths } = loading;
  const parsed = parseImageConfig(source.config);
  await addLayers(loading, source, parsed.layers);
  const id = await writeBlob(paths, source.config);
  const tags = source.names.map(parseTag);
  if (source.manifest === undefined) return { id, layers: parsed.layers, manifests: [], tags };
  const manifest = await writeBlob(paths, source.manifest);
  const pinned = source.names.map((name) => fullReference({ name: parseReference(name).name, digest: manifest }));
  return { id, layers: parsed.layers, manifests: [manifest], tags: [...tags, ...pinned] };
};

export interface Loaded {
  readonly id: string;
  /** Full references that the archive gives it. */
  readonly names: readonly string[];
  /** What had one of these names before. */
  readonly displaced: readonly { readonly name: string; readonly id: string }[];
}

/** Each image once, in the order of the archive. */
const outcomeOf = (before: Catalogue, images: readonly NewImage[]): readonly Loaded[] =>
  [...new Set(images.map(({ id }) => id))].map((id) => {
    const tags = images.flatMap((image) => (image.id === id ? image.tags : []));
    const names = [...new Set(tags)].filter((name) => !name.includes('@'));
    const displaced = names.flatMap((name) => {
      const old = before.tags[name];
      return old === undefined || old === id ? [] : [{ name, id: old }];
    });
    return { id, names, displaced };
  });

/** What was loaded. All images or none: they become known in one step. */
export const loadImages = async (
  openArchive: (sink: LayerSink) => Promise<Archive>,
  request: LoadRequest,
): Promise<readonly Loaded[]> => {
  const { paths, launcher, onProgress } = request;
  const work = await beginWork(paths);
  let layers = 0;
  let bytes = 0;
  let outcome: 'done' | 'failed' = 'failed';
  let archive: Archive | undefined;
  try {
    const sink = {
      paths,
      launcher,
      work,
      nextNumber: () => layers++,
      onBytes: (count: number) => {
        bytes += count;
        onProgress?.(bytes);
      },
    };
    archive = await openArchive(sink);
    const loading = { paths, archive, slots: makeSlots(LAYERS_AT_ONCE), layers: new Map<string, Promise<void>>() };
    const images: NewImage[] = [];
    for (const source of await sourcesOf(archive)) images.push(await addImage(loading, source));
    const before = readCatalogue(paths);
    await commitImages(paths, images);
    outcome = 'done';
    return outcomeOf(before, images);
  } catch (error) {
    throw explainUnpacking(error, 'the archive');
  } finally {
    await archive?.close?.();
    await endWork(paths, work, outcome);
  }
};
