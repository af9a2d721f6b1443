/**
 * An image from the store to a registry. What the registry has is not sent, by the digests that the layer is known by: as the image's manifest
 * has it, and as it was made here. The same tar is always packed to the same bytes, so that a second push finds those of the first.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { TcomposeError } from '../../src/model/errors.ts';
import type { PullProgress, Pushed, PushOptions } from '../../src/model/pull.ts';
import type { Registry } from '../../src/model/registry.ts';
import { writeWhole } from '../state/files.ts';
import { layerDir } from '../state/paths.ts';
import { type LayerSource, layerBytes } from './layer-bytes.ts';
import { readLayer } from './layers.ts';
import { type Descriptor, parseImageDocument } from './manifest.ts';
import { findImage, imageMissing } from './read.ts';
import { fullReference, parseReference } from './reference.ts';
import type { Slots } from './slots.ts';
import {
  beginWork,
  type Catalogue,
  commitImages,
  digestOf,
  hexOf,
  readBlob,
  readCatalogue,
  writeBlob,
} from './store.ts';
import { endWork } from './sweep.ts';

export interface PushRequest extends PushOptions, LayerSource {
  readonly openRegistry: (signal: AbortSignal) => Promise<Registry>;
  readonly slots: Slots;
}

const DOCKER = 'application/vnd.docker';
const MANIFEST = `${DOCKER}.distribution.manifest.v2+json`;
const CONFIG = `${DOCKER}.container.image.v1+json`;
const LAYER = `${DOCKER}.image.rootfs.diff.tar.gzip`;

interface Push extends PushRequest {
  readonly ref: string;
  readonly id: string;
  readonly registry: Registry;
  readonly catalogue: Catalogue;
}

export const pushImage = async (ref: string, request: PushRequest): Promise<Pushed> => {
  const reference = parseReference(ref);
  if (reference.digest !== undefined)
    throw new TcomposeError(`${ref} has a digest: what is pushed gets one`, {
      code: 'bad-reference',
      address: `image/${ref}`,
      help: 'push it by a name and a tag',
    });
  const full = fullReference(reference);
  const catalogue = readCatalogue(request.paths);
  const found = findImage(catalogue, full);
  if (found === undefined) throw imageMissing(ref);
  const ending = new AbortController();
  const signal = request.signal ? AbortSignal.any([request.signal, ending.signal]) : ending.signal;
  const registry = await request.openRegistry(signal);
  // While there is work, nothing of the store is swept: its layers stay, whoever removes the image meanwhile.
  const work = await beginWork(request.paths);
  try {
    return await sendImage({ ...request, ref: full, id: found.id, registry, catalogue }, reference.name, ending);
  } catch (error) {
    ending.abort();
    throw request.signal?.aborted ? interrupted(ref) : error;
  } finally {
    await endWork(request.paths, work, 'done');
  }
};

const sendImage = async (push: Push, name: string, ending: AbortController): Promise<Pushed> => {
  const { paths, registry, ref, id, catalogue } = push;
  const entry = catalogue.images[id]!;
  const config = await readBlob(paths, id);
  const origin = await originOf(push, entry.manifests);
  const sent = new Map<string, Promise<Descriptor>>();
  const failures: unknown[] = [];
  const layers = await Promise.all(
    entry.layers.map((diffId, index) => {
      // One layer may stand in an image twice.
      const known = sent.get(diffId) ?? push.slots(() => sendLayer(push, diffId, origin?.layers[index], ending));
      sent.set(diffId, known);
      return known.catch((error: unknown) => {
        failures.push(error);
        ending.abort();
        return undefined;
      });
    }),
  );
  if (failures.length > 0) throw failures[0];
  if ((await registry.sizeOf(ref, id)) === undefined) await registry.send(ref, once(config));
  const manifest = manifestFor(origin, config, layers as readonly Descriptor[]);
  const digest = await registry.putManifest(ref, manifest);
  const stored = await writeBlob(paths, Buffer.from(manifest.bytes));
  const tags = [fullReference({ name, digest: stored })];
  if (readCatalogue(paths).images[id] !== undefined)
    await commitImages(paths, [{ id, layers: entry.layers, manifests: [stored], tags }]);
  return { digest, size: manifest.bytes.length };
};

interface Origin {
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly layers: readonly Descriptor[];
  readonly config: Descriptor;
}

/** The manifest that the image came with, or was pushed with last. */
const originOf = async ({ paths, id }: Push, manifests: readonly string[]): Promise<Origin | undefined> => {
  for (const digest of [...manifests].reverse()) {
    const bytes = await readBlob(paths, digest);
    const document = parseImageDocument(bytes, digest);
    if (document.kind !== 'manifest' || document.config.digest !== id) continue;
    const { mediaType = 'application/vnd.oci.image.manifest.v1+json' } = JSON.parse(bytes.toString()) as {
      mediaType?: string;
    };
    return { bytes, mediaType, layers: document.layers, config: document.config };
  }
  return undefined;
};

/** Unchanged where all layers are as they were: then the image keeps its digest. Else of the same kind, docker's where there was none. */
const manifestFor = (
  origin: Origin | undefined,
  config: Buffer,
  layers: readonly Descriptor[],
): { readonly mediaType: string; readonly bytes: Buffer } => {
  if (origin?.layers.every((layer, index) => layer.digest === layers[index]?.digest)) return origin;
  const isOci = origin !== undefined && origin.mediaType !== MANIFEST;
  const [mediaType, configType, layerType] = isOci
    ? [origin.mediaType, 'application/vnd.oci.image.config.v1+json', 'application/vnd.oci.image.layer.v1.tar+gzip']
    : [MANIFEST, CONFIG, LAYER];
  const document = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: configType, size: config.length, digest: digestOf(config) },
    layers: layers.map(({ digest, size }, index) => {
      const before = origin?.layers[index];
      return before?.digest === digest
        ? { mediaType: before.mediaType, size, digest }
        : { mediaType: layerType, size, digest };
    }),
  };
  return { mediaType, bytes: Buffer.from(JSON.stringify(document, null, 3)) };
};

const sendLayer = async (
  push: Push,
  diffId: string,
  origin: Descriptor | undefined,
  ending: AbortController,
): Promise<Descriptor> => {
  const { registry, ref, paths } = push;
  const layer = hexOf(diffId).slice(0, 12);
  const total = readLayer(paths, diffId)?.tarBytes ?? 0;
  let bytes = 0;
  const tell = (state: PullProgress['state']) => push.onProgress?.({ layer, state, bytes, total });
  tell('preparing');
  const known = [origin, await packedBefore(push, diffId)].filter((one) => one !== undefined);
  for (const one of known) {
    ending.signal.throwIfAborted();
    if ((await registry.sizeOf(ref, one.digest)) === undefined) continue;
    tell('exists');
    return one;
  }
  for (const one of known) {
    for (const from of elsewhere(push)) {
      if (!(await registry.mount(ref, one.digest, from).catch(() => false))) continue;
      tell('mounted');
      return one;
    }
  }
  tell('pushing');
  const made = await registry.send(
    ref,
    gzipped(push, diffId, (count) => {
      bytes += count;
      tell('pushing');
    }),
  );
  await writeWhole(packedFile(push, diffId), `${JSON.stringify({ zlib: process.versions.zlib, ...made })}\n`, {
    durable: false,
  });
  tell('pushed');
  return { mediaType: LAYER, annotations: {}, ...made };
};

/** Other repositories of the same registry that this image is known to be in. */
const elsewhere = ({ catalogue, ref, id }: Push): readonly string[] => {
  const { name } = parseReference(ref);
  const [domain] = name.split('/', 1);
  const names = Object.entries(catalogue.tags)
    .filter(([tag, of]) => tag.includes('@') && (of === id || sharesLayers(catalogue, of, id)))
    .map(([tag]) => tag.slice(0, tag.indexOf('@')))
    .filter((one) => one !== name && one.startsWith(`${domain}/`));
  return [...new Set(names)].slice(0, MOUNTS_MAX).map((one) => one.slice(domain!.length + 1));
};

/** As docker has it: repositories that are tried for one layer. */
const MOUNTS_MAX = 4;

const sharesLayers = ({ images }: Catalogue, one: string, other: string): boolean => {
  const layers = new Set(images[other]?.layers);
  return images[one]?.layers.some((layer) => layers.has(layer)) ?? false;
};

const packedFile = ({ paths }: Push, diffId: string): string => join(layerDir(paths, diffId), 'packed.json');

/** What the layer was when it was pushed from here. */
const packedBefore = async (push: Push, diffId: string): Promise<Descriptor | undefined> => {
  try {
    const { digest, size } = JSON.parse(await readFile(packedFile(push, diffId), 'utf8')) as Descriptor;
    return { mediaType: LAYER, annotations: {}, digest, size };
  } catch {
    return undefined;
  }
};

/** The same bytes for the same tar: without a name or a time. `onBytes`: of the tar. */
async function* gzipped(push: Push, diffId: string, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  const tar = async function* () {
    for await (const chunk of layerBytes(push, diffId)) {
      onBytes(chunk.length);
      yield chunk;
    }
  };
  const gzip = createGzip({ chunkSize: 1 << 18 });
  const fed = pipeline(tar, gzip).catch(() => undefined); // told by who reads
  try {
    for await (const chunk of gzip) yield chunk as Buffer;
  } finally {
    gzip.destroy();
    await fed;
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

const interrupted = (ref: string): TcomposeError =>
  new TcomposeError(`interrupted while pushing ${ref}`, {
    code: 'interrupted',
    address: `image/${ref}`,
    help: 'the name means there what it meant before; layers that have arrived are not sent again',
    exitCode: 130,
  });
