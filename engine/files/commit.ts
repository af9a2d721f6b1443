/** The writable layer of a container as one more layer on those of its image, which are shared. */
import { join } from 'node:path';
import type { CommitOptions, ImageInfo } from '../../src/model/engine.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { readRuntime } from '../container/runtime.ts';
import type { Host } from '../host.ts';
import { commitLayer } from '../image/commit.ts';
import { containerDir } from '../state/paths.ts';
import type { ContainerRecord } from '../state/records.ts';
import { recordOf } from './container-root.ts';
import { layerTar } from './layer-tar.ts';

export async function commitContainer(host: Host, name: string, options: CommitOptions): Promise<ImageInfo> {
  const record = recordOf(host, name);
  const layer = () => layerTar(host, join(containerDir(host.paths, record.id), 'upper'));
  return whilePaused(host, record, options.pause, async () => {
    const { paths, launcher } = host;
    const { madeFrom } = record;
    const id = await commitLayer(layer(), { paths, launcher, container: record.id, madeFrom, ...options });
    const image = await (await host.images()).find(id);
    if (image === undefined) throw new TcomposeError(`the image ${id} was removed again`, { code: 'no-such-image' });
    return image;
  });
}

/** Files that are written meanwhile would be half there. What is paused already stays so. */
async function whilePaused<T>(host: Host, record: ContainerRecord, pause: boolean, work: () => Promise<T>): Promise<T> {
  if (!pause || readRuntime(host.paths, record).status !== 'running') return work();
  const { pauseContainers, unpauseContainers } = await import('../container/pause.ts');
  const failed = await pauseContainers(host, [record.name]);
  for (const error of failed.values()) throw error;
  try {
    return await work();
  } finally {
    await unpauseContainers(host, [record.name]);
  }
}
