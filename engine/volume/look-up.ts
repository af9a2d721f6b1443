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
