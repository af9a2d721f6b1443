/** The image store, for `tcompose image …`. */
import type { ImageInfo } from '../model/engine.ts';
import { TcomposeError, TcomposeErrors } from '../model/errors.ts';
import type { Context } from './context.ts';
import { ago, moment, sizeWords } from './words.ts';

/** Keys as `docker image ls --format json`. */
export interface ImageRow {
  readonly ID: string;
  readonly Repository: string;
  readonly Tag: string;
  readonly CreatedAt: string;
  readonly CreatedSince: string;
  readonly Size: string;
}

export async function listImages({ engine, clock }: Context): Promise<readonly ImageRow[]> {
  const now = clock();
  const rows = (await engine.images.list()).flatMap((image) => {
    const names = image.tags.length > 0 ? image.tags.map(splitTag) : [['<none>', '<none>'] as const];
    return names.map(([Repository, Tag]) => ({
      ID: image.id.replace(/^sha256:/, '').slice(0, 12),
      Repository,
      Tag,
      CreatedAt: moment(image.createdAt),
      CreatedSince: ago(image.createdAt, now),
      Size: sizeWords(image.sizeBytes),
    }));
  });
  return rows.sort((a, b) => (`${a.Repository}:${a.Tag}` < `${b.Repository}:${b.Tag}` ? -1 : 1));
}

/** `docker.io/library/nginx:1.27` → `nginx`, `1.27`; a digest reference keeps its digest as the tag. */
export function splitTag(reference: string): readonly [string, string] {
  const familiar = reference.replace(/^docker\.io\/(library\/)?/, '');
  const split = familiar.includes('@') ? familiar.indexOf('@') : familiar.lastIndexOf(':');
  return split > familiar.lastIndexOf('/')
    ? [familiar.slice(0, split), familiar.slice(split + 1)]
    : [familiar, '<none>'];
}

/** In `docker image inspect`'s shape: the raw configuration with Id, RepoTags, Size and RootFS. */
export async function inspectImages({ engine }: Context, refs: readonly string[]): Promise<readonly object[]> {
  const found = await Promise.all(refs.map(async (ref) => (await engine.images.find(ref)) ?? noSuchImage(ref)));
  const missing = found.filter((one) => one instanceof TcomposeError);
  if (missing.length > 0) throw missing.length === 1 ? missing[0] : new TcomposeErrors(missing);
  return (found as readonly ImageInfo[]).map(inspection);
}

function inspection({
  id,
  tags,
  digests = [],
  createdAt,
  os,
  architecture,
  sizeBytes,
  layers,
  raw,
}: ImageInfo): object {
  return {
    Id: id,
    RepoTags: tags.map((tag) => splitTag(tag).join(':')),
    RepoDigests: digests.map((name) => splitTag(name).join('@')),
    Created: createdAt,
    Architecture: architecture,
    Os: os,
    Size: sizeBytes,
    Config: raw['config'] ?? {},
    RootFS: { Type: 'layers', Layers: layers },
  };
}

const noSuchImage = (ref: string) =>
  new TcomposeError(`no such image: ${ref}`, {
    code: 'no-such-image',
    address: `image/${ref}`,
    help: 'see `tcompose image ls`',
  });

export async function removeImages(
  { engine }: Context,
  refs: readonly string[],
  options: { readonly force: boolean },
): Promise<Removed> {
  const untagged: string[] = [];
  const deleted: string[] = [];
  const errors: Error[] = [];
  // One after the other: two of them may share layers, or be two names of one image.
  for (const ref of refs) {
    try {
      const removed = await engine.images.remove(ref, options);
      untagged.push(...removed.untagged);
      deleted.push(...removed.deleted);
    } catch (error) {
      errors.push(error as Error);
    }
  }
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new TcomposeErrors(errors);
  return { untagged, deleted };
}

export interface Removed {
  readonly untagged: readonly string[];
  readonly deleted: readonly string[];
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
  source: NodeJS.ReadableStream | { readonly folder: string },
  options: { readonly onProgress?: (bytes: number) => void } = {},
): Promise<readonly ImageInfo[]> => engine.images.load(source, options);

export const tagImage = ({ engine }: Context, ref: string, as: string): Promise<void> => engine.images.tag(ref, as);
