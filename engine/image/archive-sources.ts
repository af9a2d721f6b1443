/** What the documents of an archive say about its images: a list of `docker save`, an OCI layout, or the folder that skopeo's `dir:` writes. */
import type { Archive } from './archive.ts';
import {
  choosePlatform,
  type Descriptor,
  IMAGE_CONFIGS,
  type ImageDocument,
  invalidArchive,
  isDirectManifest,
  nameOf,
  parseImageDocument,
  parseSaved,
  type SavedImage,
} from './manifest.ts';
import { digestOf, hexOf } from './store.ts';

const INDEX_DEPTH_MAX = 4;

const blobName = (digest: string): string => `blobs/sha256/${hexOf(digest)}`;

const documentOf = async (archive: Archive, name: string): Promise<Buffer> => {
  const bytes = await archive.document(name);
  if (bytes === undefined) throw invalidArchive(`${name} is missing`);
  return bytes;
};

const blobOf = async (
  archive: Archive,
  descriptor: Descriptor,
  memberOf: (digest: string) => string = blobName,
): Promise<Buffer> => {
  const bytes = await documentOf(archive, memberOf(descriptor.digest));
  if (bytes.length !== descriptor.size)
    throw invalidArchive(`${descriptor.digest} has ${bytes.length} bytes instead of ${descriptor.size}`);
  return bytes;
};

export interface Source {
  readonly config: Buffer;
  /** Members of the archive, lowest first. */
  readonly layers: readonly { readonly name: string; readonly digest?: string }[];
  readonly manifest?: Buffer;
  readonly names: readonly string[];
}

const savedSource = async (archive: Archive, image: SavedImage): Promise<Source> => ({
  config: await documentOf(archive, image.config),
  layers: image.layers.map((name) => ({ name })),
  names: image.tags,
});

const manifestSource = async (
  archive: Archive,
  { config, layers }: Extract<ImageDocument, { kind: 'manifest' }>,
  { bytes, names, memberOf }: { bytes: Buffer; names: readonly string[]; memberOf: (digest: string) => string },
): Promise<Source> => {
  if (!IMAGE_CONFIGS.test(config.mediaType))
    throw invalidArchive(`${digestOf(bytes)} is not a container image, but ${config.mediaType}`);
  return {
    config: await blobOf(archive, config, memberOf),
    layers: layers.map(({ digest }) => ({ name: memberOf(digest), digest })),
    manifest: bytes,
    names,
  };
};

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
  return manifestSource(archive, document, { bytes, names: name === undefined ? [] : [name], memberOf: blobName });
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

/** `manifest.json` is the image's own, or an index whose manifests lie beside it as HEX.manifest.json; blobs are called HEX. */
const directSource = async (archive: Archive, bytes: Buffer, depth = 0): Promise<Source> => {
  const document = parseImageDocument(bytes, 'manifest.json');
  if (document.kind === 'index') {
    if (depth >= INDEX_DEPTH_MAX) throw invalidArchive('its indexes are nested too deep');
    const { digest } = choosePlatform(document.manifests, 'the folder');
    const next = await documentOf(archive, `${hexOf(digest)}.manifest.json`);
    if (digestOf(next) !== digest) throw invalidArchive(`${hexOf(digest)}.manifest.json is not what its name says`);
    return directSource(archive, next, depth + 1);
  }
  return manifestSource(archive, document, { bytes, names: [], memberOf: hexOf });
};

export const sourcesOf = async (archive: Archive): Promise<readonly Source[]> => {
  const saved = await archive.document('manifest.json');
  if (saved !== undefined && isDirectManifest(saved)) return [await directSource(archive, saved)];
  if (saved !== undefined) return Promise.all(parseSaved(saved).map((image) => savedSource(archive, image)));
  const index = await archive.document('index.json');
  if (index !== undefined) return ociSources(archive, index);
  if ((await archive.document('repositories')) !== undefined)
    throw invalidArchive('it was saved by a Docker older than 1.10');
  throw invalidArchive('it has neither manifest.json nor index.json; a root filesystem is imported, not loaded');
};
