/** Makes one more layer: `fill` writes into a fresh folder that overlay merges with what lies below, and the folder becomes the layer. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { layerTar } from '../../files/layer-tar.ts';
import type { Host } from '../../host.ts';
import type { Unpacked } from '../../image/layers.ts';
import type { Work } from '../../image/store.ts';
import { removeTrees } from '../../state/remove-trees.ts';
import { clampTimes } from './clamp-times.ts';
import { openFolder } from './folders.ts';
import { type LayerRoot, layerFolders } from './layers.ts';

export interface LayerMaker {
  readonly host: Host;
  readonly work: () => Promise<Work>;
  readonly sourceDateEpoch?: number;
}

let count = 0;

/** The diff id of what `fill` wrote; undefined: nothing. The folder that was written is the layer itself, nothing is copied. */
export async function makeLayer(
  { host, work, sourceDateEpoch }: LayerMaker,
  diffIds: readonly string[],
  fill: (root: LayerRoot) => Promise<void>,
): Promise<string | undefined> {
  const { folder: top, publishLayer } = await work();
  const name = `step-${++count}`;
  const [folder, beside] = [join(top, name), join(top, `${name}.beside`)];
  const [upper, overlayWork, on, empty] = [
    join(folder, 'fs'),
    ...['work', 'on', 'empty'].map((part) => join(beside, part)),
  ] as [string, string, string, string];
  for (const path of [upper, overlayWork, on, empty]) openFolder(path);
  try {
    const below = [...layerFolders(host.paths, diffIds), empty];
    await fill({ below, upper, work: overlayWork, on });
    if (sourceDateEpoch !== undefined) await clampTimes(upper, sourceDateEpoch);
    const sealed = await seal(host, upper);
    if (sealed === undefined) return undefined;
    await publishLayer({ folder, ...sealed });
    return sealed.diffId;
  } finally {
    await remove([beside, folder]);
  }
}

/** Mostly little is in them, or they have become the layer: no process is needed for that. */
async function remove(folders: readonly string[]): Promise<void> {
  for (const folder of folders.filter((path) => existsSync(path))) {
    try {
      await rm(folder, { recursive: true });
    } catch {
      // Names that Node cannot write, or what somebody made immutable.
      await removeTrees([folder]);
    }
  }
}

async function seal(host: Host, upper: string): Promise<Omit<Unpacked, 'folder'> | undefined> {
  const hash = createHash('sha256');
  let [sizeBytes, tarBytes, files] = [0, 0, 0];
  for await (const chunk of layerTar(host, upper, (file) => {
    files++;
    if (file.kind === 'f') sizeBytes += file.size;
  })) {
    hash.update(chunk);
    tarBytes += chunk.length;
  }
  return files === 0 ? undefined : { diffId: `sha256:${hash.digest('hex')}`, sizeBytes, tarBytes };
}
