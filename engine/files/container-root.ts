/**
 * A container's root as the container sees it, volumes mounted, for a program of the launcher: of a running one its own mount namespace,
 * of a stopped one the same mounts made anew, seen by nobody else. Slot 0 is the root; nothing of the image or of a volume is ever run.
 */
import { existsSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { contentFile } from '../container/contents.ts';
import { CLONE, MOUNT_ATTR, MS, O_CLOEXEC, O_DIRECTORY, O_PATH } from '../container/linux.ts';
import { readRuntime } from '../container/runtime.ts';
import { skeletonLayer } from '../container/skeleton.ts';
import { noSuchContainer } from '../container/unknown.ts';
import type { Host } from '../host.ts';
import type { LaunchOp } from '../launcher/ops.ts';
import { overlayOps } from '../launcher/overlay.ts';
import { findRecord, readContainerRecords } from '../state/container-records.ts';
import { containerDir } from '../state/paths.ts';
import type { ContainerRecord } from '../state/records.ts';

/** The slot. */
export const ROOT = 0;

export function recordOf(host: Host, name: string): ContainerRecord {
  const record = findRecord(readContainerRecords(host.paths), name);
  if (record === undefined) throw noSuchContainer(name);
  return record;
}

const OPEN_ROOT: LaunchOp = { op: 'open', slot: ROOT, path: '/', flags: O_PATH | O_DIRECTORY | O_CLOEXEC };

/** `writes`: what lacks a mount point gets one, as at a start; else it is left out. */
export async function containerRoot(
  host: Host,
  record: ContainerRecord,
  options: { readonly writes: boolean },
): Promise<readonly LaunchOp[]> {
  const { process } = readRuntime(host.paths, record);
  if (process !== undefined) {
    // Looked up by the kernel at the moment of use: a pid that went to another is refused.
    const target = { op: 'join', pid: process.pid, startTime: process.startTime } as const;
    if (record.madeFrom.namespaces?.user === undefined) return [{ ...target, flags: CLONE.NEWNS }, OPEN_ROOT];
    // Ids are those inside, in both directions; what its root may not touch is not touched.
    const asItsRoot = { op: 'set-ids', uid: 0, gid: 0, groups: [] } as const;
    return [{ ...target, flags: CLONE.NEWNS | CLONE.NEWUSER }, asItsRoot, OPEN_ROOT];
  }
  const mounts = [...(await boundMounts(host, record)), ...hostFiles(host, record)];
  const isReadOnly = record.madeFrom.security.readOnlyRootfs;
  return [
    ...(await mergedRoot(host, record, { writable: options.writes && !isReadOnly })),
    ...mounts.flatMap((mount) => bindOps(mount, options.writes && !isReadOnly)),
    { op: 'pivot', root: ROOT },
    OPEN_ROOT,
  ];
}

/**
 * The layers and the container's own, mounted nowhere but here, without volumes. The mount point is a folder that every container has:
 * in this mount namespace nobody looks for it.
 */
export async function mergedRoot(
  host: Host,
  record: ContainerRecord,
  { writable }: { readonly writable: boolean },
): Promise<readonly LaunchOp[]> {
  const images = await host.images();
  const folder = containerDir(host.paths, record.id);
  const [upper, work, on] = [join(folder, 'upper'), join(folder, 'work'), join(folder, 'log')];
  const layers = [...(await images.layerPaths(record.madeFrom.image.id)), skeletonLayer(host.paths)];
  const overlay = writable
    ? { layers, writable: { upper, work }, on, flags: 0 }
    : { layers: [upper, ...layers], on, flags: MS.RDONLY };
  return [
    { op: 'unshare', flags: CLONE.NEWNS },
    { op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
    ...overlayOps(overlay),
    { op: 'open', slot: ROOT, path: on, flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
  ];
}

interface Bound {
  readonly source: string;
  readonly subpath?: string;
  readonly target: string;
  readonly isFolder: boolean;
  readonly recursive: boolean;
  readonly readOnly: boolean;
}

/** A tmpfs has nothing in it while nothing runs; what is in an image is reached by that. */
async function boundMounts(host: Host, { id, mounts }: ContainerRecord): Promise<readonly Bound[]> {
  const sources = await (await host.volumes()).sources(mounts);
  const bound = mounts.flatMap((mount, index): Bound[] => {
    if (mount.kind === 'tmpfs' || mount.kind === 'image') return [];
    const source = mount.kind === 'file' ? contentFile(host.paths, id, mount.target) : sources[index]!;
    if (mount.kind === 'file' && !existsSync(source)) return [];
    const { subpath, recursive, readOnly } = mount;
    const isFolder = subpath !== undefined || (statSync(source, { throwIfNoEntry: false })?.isDirectory() ?? true);
    const target = posix.normalize(mount.target).replace(/(?<=.)\/$/, '');
    return [{ source, target, isFolder, recursive, readOnly, ...(subpath === undefined ? {} : { subpath }) }];
  });
  const depth = ({ target }: Bound) => target.split('/').length;
  return bound.sort((a, b) => depth(a) - depth(b));
}

/** What the last start wrote. */
const hostFiles = (host: Host, { id, madeFrom }: ContainerRecord): readonly Bound[] =>
  ['hosts', 'hostname', 'resolv.conf'].flatMap((name) => {
    const source = join(containerDir(host.paths, id), name);
    if (statSync(source, { throwIfNoEntry: false }) === undefined) return [];
    const readOnly = madeFrom.security.readOnlyRootfs;
    return [{ source, target: `/etc/${name}`, isFolder: false, recursive: false, readOnly }];
  });

const SOURCE = 1;

function bindOps(mount: Bound, makesPoint: boolean): readonly LaunchOp[] {
  const { source, subpath, target: inside, isFolder, recursive, readOnly } = mount;
  const point: LaunchOp = isFolder
    ? { op: 'mkdir-in', root: ROOT, inside, mode: 0o755, parents: true }
    : { op: 'touch-in', root: ROOT, inside, mode: 0o644, parents: true };
  const bind = {
    op: 'bind-in',
    root: ROOT,
    inside,
    recursive,
    attributes: readOnly ? MOUNT_ATTR.RDONLY : 0,
    propagation: 0,
    optional: !makesPoint,
  } as const;
  const points = makesPoint ? [point] : [];
  if (subpath === undefined) return [...points, { ...bind, source }];
  return [
    ...points,
    { op: 'open', slot: SOURCE, path: source, flags: O_PATH | O_CLOEXEC },
    { ...bind, source: '', sourceRoot: SOURCE, sourceInside: subpath },
    { op: 'close', slot: SOURCE },
  ];
}
