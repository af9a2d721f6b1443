/** What lies below a step, as folders, and how programs of the launcher reach it merged. */
import { TcomposeError } from '../../../src/model/errors.ts';
import { CLONE, MS, O_CLOEXEC, O_DIRECTORY, O_PATH } from '../../container/linux.ts';
import { linkPath, readLayer } from '../../image/layers.ts';
import type { LaunchOp } from '../../launcher/ops.ts';
import { overlayOps } from '../../launcher/overlay.ts';
import type { Paths } from '../../state/paths.ts';

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
