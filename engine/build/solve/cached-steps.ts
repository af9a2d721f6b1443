/** Steps that make layers, each done once: found in the cache, or made and remembered. */
import { createHash } from 'node:crypto';
import { findCached, remember } from '../../image/build-cache.ts';
import type { Paths } from '../../state/paths.ts';

export interface MadeStep {
  /** Absent: it changed no file. */
  readonly diffId?: string;
  readonly createdAt: string;
}

export interface CachedSteps {
  /** `make` gives the layer's diff id. `onCached` is called when it need not be made. */
  get(
    key: string,
    options: { readonly isForced: boolean; readonly onCached: () => void },
    make: () => Promise<string | undefined>,
  ): Promise<MadeStep>;
  /** To be called when all new layers are on the disk. Gives how many there were. */
  settle(): Promise<number>;
}

/** With SOURCE_DATE_EPOCH layers have other times, so they are others. */
export function cachedSteps(paths: Paths, epoch: number | undefined): CachedSteps {
  const made = new Map<string, MadeStep>();
  const going = new Map<string, Promise<MadeStep>>();
  const keyOf = (key: string): string =>
    epoch === undefined ? key : createHash('sha256').update(`${key} ${epoch}`).digest('hex');
  return {
    async get(written, { isForced, onCached }, make) {
      const key = keyOf(written);
      const other = going.get(key);
      if (other !== undefined) {
        const step = await other;
        onCached();
        return step;
      }
      const found = isForced ? undefined : findCached(paths, key);
      if (found !== undefined) {
        onCached();
        return found;
      }
      const work = make().then(async (diffId) => {
        const step: MadeStep = { createdAt: new Date().toISOString(), ...(diffId !== undefined && { diffId }) };
        await remember(paths, key, { ...step, isDurable: diffId === undefined });
        made.set(key, step);
        return step;
      });
      going.set(key, work);
      return work;
    },
    async settle() {
      for (const [key, step] of made) await remember(paths, key, { ...step, isDurable: true });
      return made.size;
    },
  };
}
