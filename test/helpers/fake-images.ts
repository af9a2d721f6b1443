/** Parts of the image store of the engine in memory. */
import type { ImageInfo } from '../../src/model/engine.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Pushed } from '../../src/model/pull.ts';

/** The part that says how large it is. */
export const emptyStore = {
  usage: async () => ({ layers: new Map<string, number>(), cache: { entries: 0, bytes: 0 } }),
  pruneCache: async () => ({ entries: 0, bytes: 0 }),
};

export async function pushOne(
  call: (name: string, members: readonly string[]) => Promise<void>,
  images: ReadonlyMap<string, ImageInfo>,
  ref: string,
): Promise<Pushed> {
  await call('images.push', [ref]);
  if (!images.has(ref)) throw new TcomposeError(`there is no image ${ref}`, { code: 'image-missing' });
  return { digest: `sha256:${'d'.repeat(64)}`, size: 1 };
}
