/**
 * An image from its registry into the store. Layers go from the connection straight into the unpacker, hashed on the way: nothing is
 * written twice, and what turns out to be wrong, broken off or interrupted was only ever in the folder of unfinished work.
 */
import { TcomposeError } from '../../src/model/errors.ts';
import type { PullOptions, PullProgress } from '../../src/model/pull.ts';
import type { Registry } from '../../src/model/registry.ts';
import type { Paths } from '../state/paths.ts';
import { DOCUMENT_BYTES_MAX } from './archive.ts';
import { type ParsedConfig, parseImageConfig } from './image-config.ts';
import { dropPart, keepingPart } from './kept-part.ts';
import { addLayer, type LayerSink } from './layer-sink.ts';
import { choosePlatform, type Descriptor, IMAGE_CONFIGS, type ImageDocument, parseImageDocument } from './manifest.ts';
import { type Platform, parsePlatform, platformRank } from './platform.ts';
import { fullReference, parseReference, type Reference } from './reference.ts';
import type { Slots } from './slots.ts';
import { beginWork, type Catalogue, commitImages, digestOf, readBlob, readCatalogue, writeBlob } from './store.ts';
import { endWork } from './sweep.ts';

export interface PullRequest extends PullOptions {
  readonly paths: Paths;
  readonly launcher: string;
  readonly openRegistry: (signal: AbortSignal) => Promise<Registry>;
  /** Of all pulls of this process: how many layers come at once. */
  readonly slots: Slots;
}

export interface PullOutcome {
  readonly id: string;
  readonly digest: string;
  readonly isNew: boolean;
}

const INDEX_DEPTH_MAX = 4;

export const pullImage = async (ref: string, request: PullRequest): Promise<PullOutcome> => {
  const { paths, signal } = request;
  const reference = parseReference(ref);
  const platform = request.platform === undefined ? undefined : parsePlatform(request.platform);
  // One layer that fails ends the others.
  const ending = new AbortController();
  const registry = await request.openRegistry(signal ? AbortSignal.any([signal, ending.signal]) : ending.signal);
  try {
    const pinned = await registry.pin(ref);
    const known = await knownImage(paths, reference, pinned, platform);
    if (known !== undefined) return known;
    return await fetchImage({ ...request, ref, reference, pinned, platform, registry, ending });
  } catch (error) {
    ending.abort();
    throw signal?.aborted ? interrupted(ref) : aboutImage(ref, error);
  }
};

const digestIn = (pinned: string): string => pinned.slice(pinned.indexOf('@') + 1);
const pinnedName = ({ name }: Reference, pinned: string): string => fullReference({ name, digest: digestIn(pinned) });
const tagsFor = (reference: Reference, pinned: string): readonly string[] => [
  // Beside a digest a tag says nothing, and is not given.
  ...(reference.digest === undefined ? [fullReference(reference)] : []),
  pinnedName(reference, pinned),
];

/** The registry still has what the store has: at most the tag is to be set. */
const knownImage = async (
  paths: Paths,
  reference: Reference,
  pinned: string,
  platform: Platform | undefined,
): Promise<PullOutcome | undefined> => {
  const catalogue = readCatalogue(paths);
  const id = catalogue.tags[pinnedName(reference, pinned)];
  const entry = id === undefined ? undefined : catalogue.images[id];
  if (id === undefined || entry === undefined) return undefined;
  if (platform !== undefined && !fits(parseImageConfig(await readBlob(paths, id)), platform)) return undefined;
  const tags = tagsFor(reference, pinned);
  const isNew = tags.some((tag) => catalogue.tags[tag] !== id);
  await commitImages(paths, [{ id, layers: entry.layers, manifests: [], tags, isPulled: true }]);
  return { id, digest: digestIn(pinned), isNew };
};

const fits = ({ os, architecture, raw }: ParsedConfig, platform: Platform): boolean => {
  const variant = typeof raw['variant'] === 'string' ? raw['variant'] : '';
  // Many configurations do not say their variant.
  return platformRank({ os, architecture, variant: variant || platform.variant }, platform) !== undefined;
};

interface Fetch extends Omit<PullRequest, 'platform'> {
  readonly ref: string;
  readonly reference: Reference;
  readonly pinned: string;
  readonly platform: Platform | undefined;
  readonly registry: Registry;
  readonly ending: AbortController;
}

type Manifest = Extract<ImageDocument, { kind: 'manifest' }>;

const fetchImage = async (fetch: Fetch): Promise<PullOutcome> => {
  const { paths, launcher, ref, reference, pinned } = fetch;
  const { manifest, bytes } = await manifestOf(fetch, digestIn(pinned));
  const config = await configOf(fetch, manifest.config);
  const parsed = parseImageConfig(config);
  if (fetch.platform !== undefined && !fits(parsed, fetch.platform))
    throw new TcomposeError(`${ref} is for ${parsed.os}/${parsed.architecture} only`, {
      code: 'no-matching-platform',
      address: `image/${ref}`,
      help: 'ask for that platform, or for none',
    });
  if (parsed.layers.length !== manifest.layers.length)
    throw invalid(`it lists ${manifest.layers.length} layers, and its configuration ${parsed.layers.length}`);
  const work = await beginWork(paths);
  let outcome: 'done' | 'failed' = 'failed';
  try {
    let folders = 0;
    await pullLayers(fetch, manifest.layers, parsed.layers, { paths, launcher, work, nextNumber: () => folders++ });
    const id = await writeBlob(paths, config);
    const before: Catalogue = readCatalogue(paths);
    const tags = tagsFor(reference, pinned);
    await commitImages(paths, [
      { id, layers: parsed.layers, manifests: [await writeBlob(paths, bytes)], tags, isPulled: true },
    ]);
    outcome = 'done';
    return { id, digest: digestIn(pinned), isNew: before.tags[tags[0]!] !== id };
  } finally {
    await endWork(paths, work, outcome);
  }
};

/** Down the indexes to the manifest for the platform. Each is asked for by its digest, which the registry's client proves. */
const manifestOf = async (
  fetch: Fetch,
  digest: string,
  depth = 0,
): Promise<{ readonly manifest: Manifest; readonly bytes: Buffer }> => {
  const { ref, reference, platform, registry } = fetch;
  const bytes = Buffer.from((await registry.manifest(`${reference.name}@${digest}`)).bytes);
  const document = parseImageDocument(bytes, digest);
  if (document.kind === 'manifest') {
    if (!IMAGE_CONFIGS.test(document.config.mediaType))
      throw invalid(`it is not a container image, but ${document.config.mediaType}`);
    return { manifest: document, bytes };
  }
  if (depth >= INDEX_DEPTH_MAX) throw invalid('its indexes are nested too deep');
  return manifestOf(fetch, choosePlatform(document.manifests, ref, platform).digest, depth + 1);
};

const configOf = async ({ paths, registry, reference }: Fetch, config: Descriptor): Promise<Buffer> => {
  if (readCatalogue(paths).images[config.digest] !== undefined) return readBlob(paths, config.digest);
  if (config.size > DOCUMENT_BYTES_MAX) throw invalid(`its configuration has ${config.size} bytes`);
  const bytes = Buffer.from(await registry.blob(reference.name, config, DOCUMENT_BYTES_MAX));
  if (digestOf(bytes) !== config.digest) throw new Error(`this is a bug in tcompose: ${config.digest} was not checked`);
  return bytes;
};

const pullLayers = async (
  { registry, reference, slots, ending, signal, onProgress }: Fetch,
  layers: readonly Descriptor[],
  diffIds: readonly string[],
  sink: LayerSink,
): Promise<void> => {
  const pullLayer = async (layer: Descriptor, diffId: string): Promise<void> => {
    let bytes = 0;
    let isOpened = false;
    const tell = (state: PullProgress['state']) =>
      onProgress?.({ layer: layer.digest, state, bytes, total: layer.size });
    tell('waiting');
    const onBytes = (count: number) => {
      bytes += count;
      tell('pulling');
    };
    let kept = 0;
    const open = () => {
      isOpened = true;
      const rest = (from: number) => registry.stream(reference.name, layer, from);
      return keepingPart(sink.paths, layer, rest, (had) => {
        kept = had;
      });
    };
    const add = () => addLayer({ ...sink, onBytes }, open, layer.digest, { digest: layer.digest, diffId });
    await slots(async () => {
      if (ending.signal.aborted) return;
      await add().catch(async (error: unknown) => {
        if (kept === 0 || ending.signal.aborted || isPassing(error)) throw error;
        // What was kept may be what is wrong: a power cut leaves anything.
        await dropPart(sink.paths, layer);
        bytes = 0;
        await add();
      });
      await dropPart(sink.paths, layer);
    }).catch((error: unknown) => {
      throw layer.urls === undefined ? error : foreign(layer, layer.urls, error);
    });
    tell(isOpened ? 'done' : 'present');
  };
  const failures: unknown[] = [];
  // All have ended before the folder that they work in goes away.
  await Promise.all(
    layers.map((layer, index) =>
      pullLayer(layer, diffIds[index]!).catch((error: unknown) => {
        failures.push(error);
        ending.abort();
      }),
    ),
  );
  if (failures.length === 0) return;
  const isInterrupted = failures.every(isPassing) || signal?.aborted;
  if (!isInterrupted) await Promise.all(layers.map((layer) => dropPart(sink.paths, layer)));
  throw failures[0];
};

/** What the next pull may go on after: the way to the registry, not what came over it. */
const isPassing = (error: unknown): boolean =>
  !(error instanceof TcomposeError) ||
  ['registry-unreachable', 'registry-name', 'registry-failed', 'registry-rate-limit', 'interrupted'].includes(
    error.code,
  );

const foreign = ({ digest }: Descriptor, urls: readonly string[], error: unknown): unknown => {
  if (!(error instanceof TcomposeError) || error.code !== 'registry-answer') return error;
  return new TcomposeError(`the layer ${digest} is kept outside of registries (${urls.join(', ')}), and not fetched`, {
    code: 'registry-answer',
    help: 'take an image that may be given away whole, or load it from an archive (docker save)',
    cause: error,
  });
};

const invalid = (what: string): TcomposeError =>
  new TcomposeError(`the image archive is not valid: ${what}`, { code: 'image-invalid' });

/** What reads archives speaks of archives. */
const aboutImage = (ref: string, error: unknown): unknown => {
  if (!(error instanceof TcomposeError)) return error;
  const details = { code: error.code, address: `image/${ref}`, cause: error };
  if (error.code === 'image-corrupt')
    return new TcomposeError(`${ref} came damaged: ${error.message}`, {
      ...details,
      help: 'pull it again; if it stays so, ask who runs the registry, or who made the image',
    });
  if (error.code !== 'image-invalid') return error;
  const about = /^the image's/.test(error.message) ? `the configuration of ${ref}` : `the image ${ref}`;
  const what = /^the image(?: archive|'s configuration) is not valid/;
  return new TcomposeError(error.message.replace(what, `${about} is not valid`), {
    ...details,
    help: 'ask who made it, or take another tag',
  });
};

const interrupted = (ref: string): TcomposeError =>
  new TcomposeError(`interrupted while pulling ${ref}`, {
    code: 'interrupted',
    address: `image/${ref}`,
    help: 'what has arrived of large layers is kept for a day, for the next pull to go on from',
    exitCode: 130,
  });
