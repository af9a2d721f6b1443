/** Finds images and describes them: reads only, never waits for a lock. */
import { existsSync } from 'node:fs';
import type { ImageInfo } from '../../src/model/engine.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Paths } from '../state/paths.ts';
import { parseImageConfig } from './image-config.ts';
import { type LayerRecord, linkPath, readLayer } from './layers.ts';
import { fullReference, parseReference } from './reference.ts';
import { type Catalogue, readBlob, readCatalogue } from './store.ts';

/** What a text means: an image, and by which of its names it was called. */
export interface Found {
  readonly id: string;
  /** Full reference; absent: by id. */
  readonly reference?: string;
}

const byReference = (catalogue: Catalogue, text: string): Found | undefined => {
  let reference: string;
  try {
    reference = fullReference(parseReference(text));
  } catch (error) {
    if (error instanceof TcomposeError) return undefined;
    throw error;
  }
  const id = catalogue.tags[reference];
  return id === undefined ? undefined : { id, reference };
};

/** As Docker looks: whole id, name, then the beginning of an id, if only one image has it. */
export const findImage = (catalogue: Catalogue, text: string): Found | undefined => {
  const prefix = text.startsWith('sha256:') ? text : `sha256:${text}`;
  if (catalogue.images[prefix] !== undefined) return { id: prefix };
  const named = byReference(catalogue, text);
  if (named !== undefined) return named;
  if (!/^sha256:[0-9a-f]+$/.test(prefix)) return undefined;
  const ids = Object.keys(catalogue.images).filter((id) => id.startsWith(prefix));
  if (ids.length > 1) {
    throw new TcomposeError(`${text} is the beginning of the ids of ${ids.length} images`, {
      code: 'image-ambiguous',
      help: 'write more of the id: tcompose image ls --no-trunc',
    });
  }
  return ids[0] === undefined ? undefined : { id: ids[0] };
};

export const imageMissing = (ref: string): TcomposeError =>
  new TcomposeError(`there is no image ${ref}`, {
    code: 'image-missing',
    address: `image/${ref}`,
    help: 'see what there is: tcompose image ls',
  });

const layerOf = (paths: Paths, diffId: string): LayerRecord => {
  const layer = readLayer(paths, diffId);
  if (layer !== undefined) return layer;
  throw new TcomposeError(`the layer ${diffId} is missing in the image store`, {
    code: 'store-damaged',
    help: 'load the image again',
  });
};

export const tagsOf = (catalogue: Catalogue, id: string): readonly string[] =>
  Object.keys(catalogue.tags)
    .filter((tag) => catalogue.tags[tag] === id)
    .sort();

export const describeImage = async (paths: Paths, catalogue: Catalogue, id: string): Promise<ImageInfo> => {
  const parsed = parseImageConfig(await readBlob(paths, id));
  const entry = catalogue.images[id];
  const pulledAt = entry?.pulledAt ?? entry?.addedAt;
  return {
    id,
    tags: tagsOf(catalogue, id).filter((tag) => !tag.includes('@')),
    digests: tagsOf(catalogue, id).filter((tag) => tag.includes('@')),
    createdAt: parsed.createdAt,
    ...(pulledAt && { pulledAt }),
    os: parsed.os,
    architecture: parsed.architecture,
    config: parsed.config,
    layers: parsed.layers,
    sizeBytes: parsed.layers.reduce((sum, diffId) => sum + layerOf(paths, diffId).sizeBytes, 0),
    raw: parsed.raw,
  };
};

/** Newest first, as Docker lists them. */
export const listImages = async (paths: Paths): Promise<readonly ImageInfo[]> => {
  const catalogue = readCatalogue(paths);
  const images = await Promise.all(Object.keys(catalogue.images).map((id) => describeImage(paths, catalogue, id)));
  // Moments, not texts: some are written with an offset, some with fractions of a second.
  const madeAt = ({ createdAt }: ImageInfo) => Date.parse(createdAt) || 0;
  return images.sort((a, b) => madeAt(b) - madeAt(a));
};

/** Short links of the layers, top first. */
export const layerLinks = (paths: Paths, id: string): readonly string[] => {
  const entry = readCatalogue(paths).images[id];
  if (entry === undefined) throw imageMissing(id);
  const links = entry.layers.map((diffId) => linkPath(paths, layerOf(paths, diffId).link));
  const broken = links.find((link) => !existsSync(link));
  if (broken === undefined) return links.reverse();
  throw new TcomposeError(`the layer link ${broken} is missing in the image store`, {
    code: 'store-damaged',
    help: 'remove the image by its name and load it again',
  });
};
