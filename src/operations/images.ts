/** The image store, for `tcompose image …`. */
import type { ImageInfo, LoadedImage } from '../model/engine.ts';
import { TcomposeError, TcomposeErrors } from '../model/errors.ts';
import type { Context } from './context.ts';
import { fitsReference, type ImageFilter, passesImage } from './image-filters.ts';
import { ago, moment, sizeWords } from './words.ts';

/** Keys as `docker image ls --format json`. */
export interface ImageRow {
  readonly Containers: string;
  readonly CreatedAt: string;
  readonly CreatedSince: string;
  readonly Digest: string;
  readonly ID: string;
  readonly Repository: string;
  readonly SharedSize: string;
  readonly Size: string;
  readonly Tag: string;
  readonly UniqueSize: string;
  readonly VirtualSize: string;
}

export interface ListOptions {
  readonly filters?: readonly ImageFilter[];
  /** Only what has this name, or this name and tag; may hold wildcards. */
  readonly reference?: string;
  /** A line for each digest that a registry has it by. */
  readonly digests?: boolean;
  readonly noTrunc?: boolean;
}

/** The newest first. */
export async function listImages(
  { engine, clock }: Context,
  { filters = [], reference, digests = false, noTrunc = false }: ListOptions = {},
): Promise<readonly ImageRow[]> {
  const now = clock();
  const images = await engine.images.list();
  const named = new Map<string, ImageInfo>();
  for (const { value } of filters.filter(({ key }) => key === 'before' || key === 'since')) {
    const found = await engine.images.find(value);
    if (found !== undefined) named.set(value, found);
  }
  const asked = filters.map(({ key }) => key).includes('reference')
    ? filters.flatMap(({ key, value }) => (key === 'reference' ? [value] : []))
    : undefined;
  const shows = (name: string): boolean =>
    (reference === undefined || fitsReference(reference, name)) &&
    (asked === undefined || asked.some((pattern) => fitsReference(pattern, name)));
  return images
    .filter((image) => passesImage(filters, image, (ref) => named.get(ref)))
    .flatMap((image) => namesOf(image, digests, shows).map((name) => row(image, name, noTrunc, now)));
}

interface RowName {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

const NONE = '<none>';

function namesOf({ tags, digests = [] }: ImageInfo, withDigests: boolean, shows: (name: string) => boolean): RowName[] {
  const known = digests.map((name) => splitTag(name));
  const alone = digests.filter(shows).map((name) => splitTag(name));
  const tagged = tags.filter(shows).flatMap((name) => {
    const [repository, tag] = splitTag(name);
    const own = known.filter(([of]) => of === repository).map(([, digest]) => digest);
    const shown = withDigests && own.length > 0 ? own : [own[0] ?? NONE];
    return shown.map((digest) => ({ repository, tag, digest }));
  });
  if (tagged.length > 0) return tagged;
  if (alone.length > 0 && tags.length === 0)
    return alone
      .slice(0, withDigests ? undefined : 1)
      .map(([repository, digest]) => ({ repository, tag: NONE, digest }));
  return tags.length === 0 && shows(NONE) ? [{ repository: NONE, tag: NONE, digest: NONE }] : [];
}

const row = (image: ImageInfo, { repository, tag, digest }: RowName, noTrunc: boolean, now: number): ImageRow => ({
  Containers: 'N/A',
  CreatedAt: moment(image.createdAt || NEVER),
  CreatedSince: ago(image.createdAt || NEVER, now),
  Digest: digest,
  ID: noTrunc ? image.id : image.id.replace(/^sha256:/, '').slice(0, 12),
  Repository: repository,
  SharedSize: 'N/A',
  Size: sizeWords(image.sizeBytes),
  Tag: tag,
  UniqueSize: 'N/A',
  VirtualSize: sizeWords(image.sizeBytes),
});

/** Of images that do not say when they were made. */
const NEVER = '1970-01-01T00:00:00Z';

/** `docker.io/library/nginx:1.27` → `nginx`, `1.27`; a digest reference keeps its digest as the tag. */
export function splitTag(reference: string): readonly [string, string] {
  const familiar = reference.replace(/^docker\.io\/(library\/)?/, '');
  const split = familiar.includes('@') ? familiar.indexOf('@') : familiar.lastIndexOf(':');
  return split > familiar.lastIndexOf('/')
    ? [familiar.slice(0, split), familiar.slice(split + 1)]
    : [familiar, '<none>'];
}

/** In `docker image inspect`'s shape: the raw configuration with Id, RepoTags, Size and RootFS. */
export async function inspectImages(
  { engine }: Context,
  refs: readonly string[],
): Promise<{ readonly found: readonly object[]; readonly missing: readonly TcomposeError[] }> {
  const all = await Promise.all(refs.map(async (ref) => (await engine.images.find(ref)) ?? noSuchImage(ref)));
  return {
    found: all.filter((one) => !(one instanceof TcomposeError)).map((one) => inspection(one as ImageInfo)),
    missing: all.filter((one) => one instanceof TcomposeError),
  };
}

/** What containers had of their own in the configurations of old images; Docker shows it no more. */
const OF_CONTAINERS = [
  ...['Hostname', 'Domainname', 'AttachStdin', 'AttachStdout', 'AttachStderr', 'Tty', 'OpenStdin', 'StdinOnce'],
  ...['Image', 'NetworkDisabled', 'MacAddress'],
];

function inspection({ id, tags, digests = [], ...image }: ImageInfo): object {
  const { raw } = image;
  const history = Array.isArray(raw['history']) ? (raw['history'] as readonly { readonly comment?: unknown }[]) : [];
  return {
    Id: id,
    RepoTags: tags.map((tag) => splitTag(tag).join(':')),
    RepoDigests: digests.map((name) => splitTag(name).join('@')),
    Parent: '',
    Comment: textOf(raw['comment']) || textOf(history.at(-1)?.comment),
    Created: image.createdAt,
    DockerVersion: textOf(raw['docker_version']),
    Author: textOf(raw['author']),
    Architecture: image.architecture,
    ...(textOf(raw['variant']) === '' ? {} : { Variant: raw['variant'] }),
    Os: image.os,
    ...(textOf(raw['os.version']) === '' ? {} : { OsVersion: raw['os.version'] }),
    Size: image.sizeBytes,
    RootFS: { Type: 'layers', Layers: image.layers },
    Metadata: { LastTagTime: image.pulledAt ?? '0001-01-01T00:00:00Z' },
    Config: Object.fromEntries(
      Object.entries((raw['config'] as object | null) ?? {}).filter(([key]) => !OF_CONTAINERS.includes(key)),
    ),
  };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const noSuchImage = (ref: string) =>
  new TcomposeError(`no such image: ${ref}`, {
    code: 'no-such-image',
    address: `image/${ref}`,
    help: 'see `tcompose image ls`',
  });

export interface Removed {
  readonly untagged: readonly string[];
  readonly deleted: readonly string[];
}

/** What goes is told as it goes. With `force`, what is not there is no failure: its errors are given back. */
export async function removeImages(
  { engine }: Pick<Context, 'engine'>,
  refs: readonly string[],
  { force, onRemoved }: { readonly force: boolean; readonly onRemoved: (removed: Removed) => void },
): Promise<readonly Error[]> {
  const absent: Error[] = [];
  const errors: Error[] = [];
  // One after the other: two of them may share layers, or be two names of one image.
  for (const ref of refs) {
    try {
      onRemoved(await engine.images.remove(ref, { force }));
    } catch (error) {
      const isAbsent = error instanceof TcomposeError && error.code === 'image-missing';
      (force && isAbsent ? absent : errors).push(error as Error);
    }
  }
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new TcomposeErrors(errors);
  return absent;
}

export const importImage = (
  { engine }: Context,
  source: NodeJS.ReadableStream,
  ref: string | undefined,
  options: {
    readonly changes: readonly string[];
    readonly message?: string;
    readonly onProgress?: (bytes: number) => void;
  },
): Promise<ImageInfo> => engine.images.import(source, ref, options);

export const loadImages = (
  { engine }: Context,
  source: NodeJS.ReadableStream | { readonly folder: string } | { readonly file: string },
  options: { readonly onProgress?: (bytes: number) => void } = {},
): Promise<readonly LoadedImage[]> => engine.images.load(source, options);

export const tagImage = ({ engine }: Context, ref: string, as: string): Promise<void> => engine.images.tag(ref, as);
