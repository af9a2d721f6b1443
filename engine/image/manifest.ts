/** The documents of an image archive: `docker save`'s manifest.json, OCI indexes and manifests, checked before they are believed. */
import { TcomposeError } from '../../src/model/errors.ts';
import { isObject } from './image-config.ts';
import { type Platform, platformRank } from './platform.ts';
import { DIGEST } from './reference.ts';

type Json = Readonly<Record<string, unknown>>;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
  /** Where it is to be had outside of registries, which is never asked: anybody may have written it (CVE-2020-15157). */
  readonly urls?: readonly string[];
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant: string };
}

export interface SavedImage {
  readonly config: string;
  readonly tags: readonly string[];
  readonly layers: readonly string[];
}

export const invalidArchive = (what: string): TcomposeError =>
  new TcomposeError(`the image archive is not valid: ${what}`, {
    code: 'image-invalid',
    help: 'make it with docker save, or as an OCI layout (skopeo, buildah)',
  });

export const parseDocument = (bytes: Buffer, name: string): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalidArchive(`${name} is not JSON`);
  }
};

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'string' && !entry.includes('\0'));

/** manifest.json. An empty list is valid, `null` is not (moby load). */
export const parseSaved = (bytes: Buffer): readonly SavedImage[] => {
  const images = parseDocument(bytes, 'manifest.json');
  if (!Array.isArray(images)) throw invalidArchive('manifest.json is not a list');
  return images.map((image: unknown) => {
    if (!isObject(image)) throw invalidArchive('manifest.json lists something that is no image');
    const { Config: config, RepoTags: tags, Layers: layers } = image;
    if (typeof config !== 'string') throw invalidArchive('an image in manifest.json has no configuration');
    if (!isTexts(layers ?? []) || !isTexts(tags ?? []))
      throw invalidArchive('an image in manifest.json has no valid lists');
    return { config, tags: (tags ?? []) as string[], layers: (layers ?? []) as string[] };
  });
};

/** What skopeo's `dir:` writes under the name of docker's list. */
export const isDirectManifest = (bytes: Buffer): boolean => {
  const document = parseDocument(bytes, 'manifest.json');
  return isObject(document) && document['schemaVersion'] === 2;
};

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const parseDescriptor = (value: unknown, what: string): Descriptor => {
  if (!isObject(value)) throw invalidArchive(`${what} is not a descriptor`);
  const { digest, size } = value;
  if (typeof digest !== 'string' || !DIGEST.test(digest)) throw invalidArchive(`${what} has no sha256 digest`);
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw invalidArchive(`${what} has no valid size`);
  const annotations = isObject(value['annotations']) ? value['annotations'] : {};
  const platform = value['platform'];
  return {
    mediaType: textOf(value['mediaType']),
    digest,
    size: size as number,
    annotations: Object.fromEntries(Object.entries(annotations).map(([key, text]) => [key, textOf(text)])),
    ...(isTexts(value['urls']) && value['urls'].length > 0 && { urls: value['urls'] }),
    ...(isObject(platform) && {
      platform: {
        os: textOf(platform['os']),
        architecture: textOf(platform['architecture']),
        variant: textOf(platform['variant']),
      },
    }),
  };
};

const documentOf = (bytes: Buffer, name: string): Json => {
  const document = parseDocument(bytes, name);
  if (!isObject(document)) throw invalidArchive(`${name} is not an object`);
  // One text that is an index to one reader and a manifest to another (CVE-2021-41190).
  if ('manifests' in document && ('layers' in document || 'config' in document || 'fsLayers' in document))
    throw invalidArchive(`${name} is an index and a manifest at once`);
  if ('fsLayers' in document) throw invalidArchive(`${name} is of schema version 1, which nobody makes any more`);
  return document;
};

export type ImageDocument =
  | { readonly kind: 'index'; readonly manifests: readonly Descriptor[] }
  | { readonly kind: 'manifest'; readonly config: Descriptor; readonly layers: readonly Descriptor[] };

export const parseImageDocument = (bytes: Buffer, name: string): ImageDocument => {
  const document = documentOf(bytes, name);
  const { manifests, layers, config } = document;
  if (Array.isArray(manifests))
    return { kind: 'index', manifests: manifests.map((entry) => parseDescriptor(entry, `an entry of ${name}`)) };
  if (config === undefined) throw invalidArchive(`${name} is neither an index nor a manifest`);
  if (layers !== undefined && !Array.isArray(layers)) throw invalidArchive(`the layers of ${name} are not a list`);
  return {
    kind: 'manifest',
    config: parseDescriptor(config, `the configuration of ${name}`),
    layers: ((layers ?? []) as unknown[]).map((entry) => parseDescriptor(entry, `a layer of ${name}`)),
  };
};

export const IMAGE_CONFIGS =
  /^(?:|application\/vnd\.(?:oci\.image\.config|docker\.container\.image)\.v1\+json|application\/octet-stream|application\/json|text\/html)$/;

const wordsOf = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, variant].filter(Boolean).join('/');

const isAttestation = ({ annotations, platform }: Descriptor): boolean =>
  'vnd.docker.reference.type' in annotations || platform?.os === 'unknown';

/** Of an index's images the one that is wanted, this host's unless said: by its platform, else the only one that names none. */
export const choosePlatform = (manifests: readonly Descriptor[], name: string, wanted?: Platform): Descriptor => {
  const images = manifests.filter((descriptor) => !isAttestation(descriptor));
  const ranked = images
    .map((descriptor) => ({
      descriptor,
      rank: descriptor.platform === undefined ? 9 : platformRank(descriptor.platform, wanted),
    }))
    .filter((entry) => entry.rank !== undefined)
    .sort((a, b) => a.rank! - b.rank!);
  if (ranked[0] !== undefined) return ranked[0].descriptor;
  const offered = images.map(({ platform }) => (platform ? wordsOf(platform) : 'an unknown one')).join(', ');
  throw new TcomposeError(
    `${name} has no image for ${wanted === undefined ? "this host's platform" : wordsOf(wanted)}${offered === '' ? '' : `, only for ${offered}`}`,
    {
      code: 'no-matching-platform',
      help: wanted === undefined ? 'get the image for linux and this processor' : 'ask for one of those that there are',
    },
  );
};

/** Docker writes the full name into its own annotation; others write name and tag into OCI's, which also may be a tag alone. */
export const nameOf = ({ annotations }: Descriptor): string | undefined => {
  const full = annotations['io.containerd.image.name'];
  if (full !== undefined && full !== '') return full;
  const name = annotations['org.opencontainers.image.ref.name'];
  return name !== undefined && /[/:]/.test(name) ? name : undefined;
};
