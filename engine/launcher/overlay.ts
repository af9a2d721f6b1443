/** An overlay of image layers as operations: its options fit into the one page that mount(2) takes, however many layers there are. */
import { basename, dirname } from 'node:path';
import type { LaunchOp } from './ops.ts';

export interface Overlay {
  /** Topmost first. */
  readonly layers: readonly string[];
  /** Absent: it can only be read. */
  readonly writable?: { readonly upper: string; readonly work: string };
  /** Where it is mounted. */
  readonly on: string;
  readonly flags: number;
}

/** The layers' short links lie in one folder: from there they are named without it. A path from elsewhere is named in full. */
export function overlayOps({ layers, writable, on, flags }: Overlay): readonly LaunchOp[] {
  const folder = mostCommon(layers.map((layer) => dirname(layer)));
  const names = layers.map((layer) => (dirname(layer) === folder ? basename(layer) : layer));
  const upper = writable === undefined ? [] : writableOptions(writable);
  const options = [`lowerdir=${names.join(':')}`, ...upper, 'redirect_dir=off', 'metacopy=off'];
  return [
    { op: 'chdir', inside: folder },
    { op: 'mount', source: 'overlay', path: on, type: 'overlay', flags, data: options.join(',') },
  ];
}

function mostCommon(folders: readonly string[]): string {
  const count = (wanted: string) => folders.filter((folder) => folder === wanted).length;
  return [...new Set(folders)].reduce((best, folder) => (count(folder) > count(best) ? folder : best));
}

/** `index=off`: the same upper folder may be mounted again after a crash; the others keep the upper folder exportable as a layer. */
const writableOptions = ({ upper, work }: NonNullable<Overlay['writable']>): readonly string[] => [
  `upperdir=${upper}`,
  `workdir=${work}`,
  'index=off',
];
