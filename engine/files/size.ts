/** How much of the disk a container takes. */
import { join } from 'node:path';
import type { Host } from '../host.ts';
import { containerDir } from '../state/paths.ts';
import { recordOf } from './container-root.ts';
import { packTree } from './file-program.ts';
import { hostReach } from './host-side.ts';

/** Files of the writable layer, those of several names once; with the image's beside. */
export async function containerSize(
  host: Host,
  name: string,
): Promise<{ readonly writableBytes: number; readonly totalBytes: number }> {
  const record = recordOf(host, name);
  const upper = join(containerDir(host.paths, record.id), 'upper');
  const [files, image] = await Promise.all([
    packTree(host, hostReach(upper), '/', { headsOnly: true }),
    (await host.images()).find(record.madeFrom.image.id),
  ]);
  let writableBytes = 0;
  for await (const file of files) writableBytes += file.kind === 'f' ? file.size : 0;
  return { writableBytes, totalBytes: writableBytes + (image?.sizeBytes ?? 0) };
}
