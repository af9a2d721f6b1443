/** Layers of a build: what lies below a step as folders, and the making of one more. */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import { CLONE, MS, O_CLOEXEC, O_DIRECTORY, O_PATH } from '../../container/linux.ts';
import { layerTar } from '../../files/layer-tar.ts';
import type { Host } from '../../host.ts';
import { linkPath, readLayer } from '../../image/layers.ts';
import type { Work } from '../../image/store.ts';
import type { LaunchOp } from '../../launcher/ops.ts';
import { overlayOps } from '../../launcher/overlay.ts';
import type { Paths } from '../../state/paths.ts';
import { removeTrees } from '../../state/remove-trees.ts';
import { clampTimes } from './clamp-times.ts';

/** Absolute paths of the layers' folders, topmost first, of diff ids that are lowest first. */
export const layerFolders = (paths: Paths, diffIds: readonly string[]): readonly string[] =>
  diffIds
    .map((diffId) => {
      const layer = readLayer(paths, diffId);
      if (layer !== undefined) return linkPath(paths, layer.link);
      throw new TcomposeError(`the layer ${diffId} went from the image store while it was used`, {
        code: 'store-damaged',
        help: 'build again',
      });
    })
    .reverse();

/** Folders of a layer that is being made. */
export interface LayerRoot {
  /** Topmost first. */
  readonly below: readonly string[];
  readonly upper: string;
  /** Overlay's own. */
  readonly work: string;
  /** Empty: to mount on. */
  readonly on: string;
}

/** Opens the merged root as slot 0, in a mount namespace of the program's own. */
export const reachRoot = ({ below, upper, work, on }: LayerRoot): readonly LaunchOp[] => [
  { op: 'unshare', flags: CLONE.NEWNS },
  { op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
  ...overlayOps({ layers: below, writable: { upper, work }, on, flags: 0 }),
  { op: 'open', slot: 0, path: on, flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
];

/** The same of layers that are only looked at: nothing in them is run, or is a device. */
export const reachLayers = (
  layers: readonly string[],
  { on, empty }: { readonly on: string; readonly empty: string },
): readonly LaunchOp[] => [
  { op: 'unshare', flags: CLONE.NEWNS },
  { op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
  // Without an upper folder there must be two lower ones.
  ...overlayOps({ layers: [...layers, empty, on], on, flags: MS.RDONLY | MS.NODEV | MS.NOSUID | MS.NOEXEC }),
  { op: 'open', slot: 0, path: on, flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
];

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
  await Promise.all([upper, overlayWork, on, empty].map((path) => mkdir(path, { recursive: true, mode: 0o755 })));
  try {
    const below = [...layerFolders(host.paths, diffIds), empty];
    await fill({ below, upper, work: overlayWork, on });
    if (sourceDateEpoch !== undefined) await clampTimes(upper, sourceDateEpoch);
    const sealed = await seal(host, upper);
    if (sealed === undefined) return undefined;
    await publishLayer({ folder, ...sealed });
    return sealed.diffId;
  } finally {
    // The layer's own folder is still there when somebody else was first.
    await removeTrees([folder, beside]);
  }
}

async function seal(host: Host, upper: string): Promise<{ diffId: string; sizeBytes: number } | undefined> {
  const hash = createHash('sha256');
  let [sizeBytes, files] = [0, 0];
  for await (const chunk of layerTar(host, upper, (file) => {
    files++;
    if (file.kind === 'f') sizeBytes += file.size;
  }))
    hash.update(chunk);
  return files === 0 ? undefined : { diffId: `sha256:${hash.digest('hex')}`, sizeBytes };
}
