/** `docker save` archives of every age, and OCI layouts, into the store. */
import { TcomposeError } from '../../src/model/errors.ts';
import type { Paths } from '../state/paths.ts';
import type { Archive } from './archive.ts';
import { parseImageConfig } from './image-config.ts';
import type { LayerSink } from './layer-sink.ts';
import {
  choosePlatform,
  type Descriptor,
  IMAGE_CONFIGS,
  invalidArchive,
  nameOf,
  parseImageDocument,
  parseSaved,
  type SavedImage,
} from './manifest.ts';
import { fullReference, parseReference, parseTag } from './reference.ts';
import { beginWork, commitImages, type NewImage, writeBlob } from './store.ts';
import { endWork } from './sweep.ts';
import { explainUnpacking } from './unpack-layer.ts';

export interface LoadRequest {
  readonly paths: Paths;
  readonly launcher: string;
  readonly onProgress?: (bytes: number) => void;
}

const INDEX_DEPTH_MAX = 4;

const blobName = (digest: string): string => `blobs/sha256/${digest.slice('sha256:'.length)}`;

const documentOf = async (archive: Archive, name: string): Promise<Buffer> => {
  const bytes = await archive.document(name);
  if (bytes === undefined) throw invalidArchive(`${name} is missing`);
  return bytes;
};

const blobOf = async (archive: Archive, descriptor: Descriptor): Promise<Buffer> => {
  const bytes = await documentOf(archive, blobName(descriptor.digest));
  if (bytes.length !== descriptor.size)
    throw invalidArchive(`${descriptor.digest} has ${bytes.length} bytes instead of ${descriptor.size}`);
  return bytes;
};

interface Source {
  readonly config: Buffer;
  /** Members of the archive, lowest first. */
  readonly layers: readonly { readonly name: string; readonly digest?: string }[];
  readonly manifest?: Buffer;
  readonly names: readonly string[];
}

/** Every layer is what the configuration says: then it is one. */
const addLayers = async (archive: Archive, source: Source, diffIds: readonly string[]): Promise<void> => {
  if (source.layers.length !== diffIds.length)
    throw invalidArchive(`it lists ${source.layers.length} layers, and the configuration ${diffIds.length}`);
  for (const [index, { name, digest }] of source.layers.entries()) {
    const diffId = diffIds[index]!;
    const layer = await archive.layer(name, diffId);
    if (layer === undefined) throw invalidArchive(`the layer ${name} is missing`);
    if (layer.diffId === diffId && (digest === undefined || layer.digest === digest)) continue;
    throw new TcomposeError(
      `the layer ${name} is not the one that the configuration names: ${layer.diffId} instead of ${diffId}`,
      {
        code: 'digest-mismatch',
        help: 'get the archive again: it was damaged or tampered with',
      },
    );
  }
};

const addImage = async (paths: Paths, archive: Archive, source: Source): Promise<NewImage> => {
  const parsed = parseImageConfig(source.config);
  await addLayers(archive, source, parsed.layers);
  const id = await writeBlob(paths, source.config);
  const tags = source.names.map(parseTag);
  if (source.manifest === undefined) return { id, layers: parsed.layers, manifests: [], tags };
  const manifest = await writeBlob(paths, source.manifest);
  const pinned = source.names.map((name) => fullReference({ name: parseReference(name).name, digest: manifest }));
  return { id, layers: parsed.layers, manifests: [manifest], tags: [...tags, ...pinned] };
};

const savedSource = async (archive: Archive, image: SavedImage): Promise<Source> => ({
  config: await documentOf(archive, image.config),
  layers: image.layers.map((name) => ({ name })),
  names: image.tags,
});

/** Follows indexes down to the manifest for this host. */
const ociSource = async (archive: Archive, descriptor: Descriptor, depth = 0): Promise<Source> => {
  const name = nameOf(descriptor);
  const bytes = await blobOf(archive, descriptor);
  const document = parseImageDocument(bytes, descriptor.digest);
  if (document.kind === 'index') {
    if (depth >= INDEX_DEPTH_MAX) throw invalidArchive('its indexes are nested too deep');
    const chosen = await ociSource(archive, choosePlatform(document.manifests, name ?? descriptor.digest), depth + 1);
    return { ...chosen, names: name === undefined ? chosen.names : [name] };
  }
  if (!IMAGE_CONFIGS.test(document.config.mediaType))
    throw invalidArchive(`${descriptor.digest} is not a container image, but ${document.config.mediaType}`);
  return {
    config: await blobOf(archive, document.config),
    layers: document.layers.map(({ digest }) => ({ name: blobName(digest), digest })),
    manifest: bytes,
    names: name === undefined ? [] : [name],
  };
};

/** A layout's index is a list of images, unless it is the one image's list of platforms. */
const ociSources = async (archive: Archive, index: Buffer): Promise<readonly Source[]> => {
  const document = parseImageDocument(index, 'index.json');
  if (document.kind !== 'index') throw invalidArchive('index.json is not an index');
  const images = document.manifests.filter(({ annotations }) => !('vnd.docker.reference.type' in annotations));
  const arePlatforms =
    images.length > 1 && images.every((image) => image.platform !== undefined && nameOf(image) === undefined);
  const wanted = arePlatforms ? [choosePlatform(images, 'the archive')] : images;
  const sources: Source[] = [];
  for (const descriptor of wanted) sources.push(await ociSource(archive, descriptor));
  return sources;
};

const sourcesOf = async (archive: Archive): Promise<readonly Source[]> => {
  const saved = await archive.document('manifest.json');
  if (saved !== undefined) return Promise.all(parseSaved(saved).map((image) => savedSource(archive, image)));
  const index = await archive.document('index.json');
  if (index !== undefined) return ociSources(archive, index);
  if ((await archive.document('repositories')) !== undefined)
    throw invalidArchive('it was saved by a Docker older than 1.10');
  throw invalidArchive('it has neither manifest.json nor index.json; a root filesystem is imported, not loaded');
};

/** Ids of what was loaded. All images or none: they become known in one step. */
export const loadImages = async (
  openArchive: (sink: LayerSink) => Promise<Archive>,
  request: LoadRequest,
): Promise<readonly string[]> => {
  const { paths, launcher, onProgress } = request;
  const work = await beginWork(paths);
  let layers = 0;
  let bytes = 0;
  let outcome: 'done' | 'failed' = 'failed';
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
    const archive = await openArchive(sink);
    const images: NewImage[] = [];
    for (const source of await sourcesOf(archive)) images.push(await addImage(paths, archive, source));
    await commitImages(paths, images);
    outcome = 'done';
    return [...new Set(images.map((image) => image.id))];
  } catch (error) {
    throw explainUnpacking(error, 'the archive');
  } finally {
    await endWork(paths, work, outcome);
  }
};
