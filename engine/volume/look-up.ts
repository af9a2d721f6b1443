/** Whether an image can have something at a path, without mounting it: most volumes have nothing to be copied into them. */
import { lstatSync } from 'node:fs';
import { posix } from 'node:path';

const kindOf = (path: string): 'nothing' | 'folder' | 'other' => {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'nothing';
  return stat.isDirectory() ? 'folder' : 'other';
};

/** False is certain. Links are not followed here, and count as a perhaps: where they lead only the kernel can say safely. */
export const mayHave = (layers: readonly string[], path: string): boolean => {
  let folders = layers.map((layer) => `${layer}/`);
  for (const part of posix
    .normalize(path)
    .split('/')
    .filter((name) => name !== '')) {
    const below = folders.map((folder) => posix.join(folder, part));
    const kinds = below.map(kindOf);
    if (kinds.includes('other')) return true;
    folders = below.filter((_, index) => kinds[index] === 'folder');
    if (folders.length === 0) return false;
  }
  return true;
};

/**
 * The folder at a path, when all of it lies in one layer as it is: then nothing needs to be merged, and what is copied out of it may share
 * its blocks. A layer above that has so much as the beginning of the path may hide it all (overlay's opaque folders), and is a no.
 */
export const soleFolder = (layers: readonly string[], path: string): string | undefined => {
  const parts = posix
    .normalize(path)
    .split('/')
    .filter((name) => name !== '');
  const depths = layers.map((layer) => depthOf(layer, parts));
  const holder = depths.findIndex((depth) => depth !== 0);
  if (holder < 0 || depths[holder] !== parts.length) return undefined;
  const isAlone = depths.every((depth, index) => index <= holder || (depth !== 'other' && depth < parts.length));
  return isAlone && parts.length > 0 ? `${layers[holder]}/${parts.join('/')}` : undefined;
};

/** How many folders of the path a layer has; `other`: something else is in the way. */
const depthOf = (layer: string, parts: readonly string[]): number | 'other' => {
  let folder = `${layer}/`;
  for (const [index, part] of parts.entries()) {
    folder = posix.join(folder, part);
    const kind = kindOf(folder);
    if (kind !== 'folder') return kind === 'other' ? 'other' : index;
  }
  return parts.length;
};
