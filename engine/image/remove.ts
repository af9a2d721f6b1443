/** Takes names from images, and images from the store: what a container rests on stays. */
import { TcomposeError } from '../../src/model/errors.ts';
import { readContainerRecords } from '../state/container-records.ts';
import type { Paths } from '../state/paths.ts';
import { type Found, findImage, imageMissing, tagsOf } from './read.ts';
import { familiarReference } from './reference.ts';
import { type Catalogue, readCatalogue, withStoreLock, writeCatalogue } from './store.ts';
import { sweep } from './sweep.ts';

interface Removal {
  readonly id: string;
  readonly untagged: readonly string[];
  /** The image itself goes too. */
  readonly isWhole: boolean;
}

const nameOf = (reference: string): string => reference.replace(/@.*$/, '').replace(/:[^:/]*$/, '');

const planRemoval = (
  catalogue: Catalogue,
  found: Found,
  ref: string,
  force: boolean,
  users: readonly string[],
): Removal => {
  const all = tagsOf(catalogue, found.id);
  const { reference } = found;
  const others = all.filter((tag) => !tag.includes('@') && tag !== reference);
  if (reference !== undefined && others.length > 0) return { id: found.id, untagged: [reference], isWhole: false };
  if (reference === undefined && !force && new Set(others.map(nameOf)).size > 1) {
    throw new TcomposeError(`the image ${ref} has several names: ${others.map(familiarReference).join(', ')}`, {
      code: 'image-in-use',
      address: `image/${ref}`,
      help: 'remove it by its names, or with --force',
    });
  }
  if (users.length > 0 && !force) {
    throw new TcomposeError(
      `the image ${ref} is used by ${users.length === 1 ? 'container' : 'containers'} ${users.join(', ')}`,
      {
        code: 'image-in-use',
        address: `image/${ref}`,
        help: 'remove the containers first, or only the image’s names with --force',
      },
    );
  }
  return { id: found.id, untagged: all, isWhole: users.length === 0 };
};

const without = <T>(from: Readonly<Record<string, T>>, keys: readonly string[]): Record<string, T> =>
  Object.fromEntries(Object.entries(from).filter(([key]) => !keys.includes(key)));

/** `deleted`: the image and those of its layers that no other image has. */
export const removeImage = async (
  paths: Paths,
  ref: string,
  options: { readonly force: boolean },
): Promise<{ untagged: readonly string[]; deleted: readonly string[] }> => {
  const removal = await withStoreLock(paths, async () => {
    const catalogue = readCatalogue(paths);
    const found = findImage(catalogue, ref);
    if (found === undefined) throw imageMissing(ref);
    const users = readContainerRecords(paths).filter(
      ({ madeFrom, mounts }) =>
        madeFrom.image.id === found.id || mounts.some(({ kind, source }) => kind === 'image' && source === found.id),
    );
    const names = users.map((record) => record.name);
    const planned = planRemoval(catalogue, found, ref, options.force, names);
    await writeCatalogue(paths, {
      version: catalogue.version,
      tags: without(catalogue.tags, planned.untagged),
      images: planned.isWhole ? without(catalogue.images, [planned.id]) : catalogue.images,
    });
    return planned;
  });
  if (!removal.isWhole) return { untagged: removal.untagged, deleted: [] };
  return { untagged: removal.untagged, deleted: [removal.id, ...(await sweep(paths))] };
};

export const tagImage = (paths: Paths, ref: string, tag: string): Promise<void> =>
  withStoreLock(paths, async () => {
    const catalogue = readCatalogue(paths);
    const found = findImage(catalogue, ref);
    if (found === undefined) throw imageMissing(ref);
    await writeCatalogue(paths, { ...catalogue, tags: { ...catalogue.tags, [tag]: found.id } });
  });
