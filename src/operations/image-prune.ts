/** Images that nobody needs go: those without a name, or all that no container uses. */
import type { ImageInfo } from '../model/engine.ts';
import type { Context } from './context.ts';
import { type ImageFilter, isDangling, passesImage } from './image-filters.ts';

export interface PruneImagesOptions {
  /** Those with names, too. */
  readonly all: boolean;
  readonly filters: readonly ImageFilter[];
}

export interface PrunedImages {
  readonly untagged: readonly string[];
  readonly deleted: readonly string[];
  readonly bytes: number;
}

/** In use is what a container was made from, running or not, or mounts. */
export async function unusedImages(
  { engine }: Pick<Context, 'engine'>,
  options: PruneImagesOptions,
): Promise<readonly ImageInfo[]> {
  const [images, { containers }] = await Promise.all([engine.images.list(), engine.snapshot({ networkDamage: false })]);
  const used = new Set(
    containers.flatMap(({ madeFrom, mounts }) => [
      madeFrom.image.id,
      ...mounts.filter(({ kind }) => kind === 'image').map(({ source }) => source),
    ]),
  );
  return images.filter(
    (image) => !used.has(image.id) && (options.all || isDangling(image)) && passesImage(options.filters, image),
  );
}

/** By their names, one after the other: whoever began to use one meanwhile keeps it, since the engine refuses. */
export async function removeUnused(context: Context, images: readonly ImageInfo[]): Promise<PrunedImages> {
  const { layers: before } = await context.engine.images.usage();
  const untagged: string[] = [];
  const deleted: string[] = [];
  for (const { id, tags } of images) {
    for (const ref of tags.length === 0 ? [id] : tags) {
      if (context.signal.aborted) break;
      try {
        const removed = await context.engine.images.remove(ref, { force: false });
        untagged.push(...removed.untagged);
        deleted.push(...removed.deleted);
      } catch (error) {
        if (!['image-in-use', 'image-missing'].includes((error as { code?: string }).code ?? '')) throw error;
      }
    }
  }
  const { layers: after } = await context.engine.images.usage();
  const sum = (layers: ReadonlyMap<string, number>) => [...layers.values()].reduce((all, bytes) => all + bytes, 0);
  return { untagged, deleted, bytes: Math.max(0, sum(before) - sum(after)) };
}
