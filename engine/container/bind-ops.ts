/** How something is bound into a container: which attributes, how far down, which part of it, and where it comes from. */
import { type LaunchOp, SHALLOW, type Slot } from '../launcher/ops.ts';
import { overlayOps } from '../launcher/overlay.ts';
import type { IdRanges, MountRecord } from '../state/records.ts';
import { idOutside } from './isolation/id-ranges.ts';
import { MNT_DETACH, MOUNT_ATTR, MS, O_CLOEXEC, O_PATH } from './linux.ts';
import type { MountRequest, MountSource } from './mounts.ts';

/** What is opened on the way to a mount. */
const FOUND: Slot = 6;
/** Trees of mounts that stay shared with the host: taken before the container's mounts are made its own. */
const FIRST_TREE: Slot = 32;

/** mount_setattr(2) takes one type and refuses MS_REC: the r… forms differ by the bind's own `recursive`. */
const PROPAGATION: Readonly<Record<string, number>> = {
  private: MS.PRIVATE,
  rprivate: MS.PRIVATE,
  slave: MS.SLAVE,
  rslave: MS.SLAVE,
  shared: MS.SHARED,
  rshared: MS.SHARED,
};

export const isShared = ({ kind, propagation }: MountRecord): boolean => kind === 'bind' && /shared/.test(propagation);
export const treeSlot = (mounts: readonly MountRecord[], mount: MountRecord): Slot =>
  FIRST_TREE + mounts.filter(isShared).indexOf(mount);

/** Before the rest of the mount namespace is made private or a slave: a copy taken later would be one, too. */
export const sharedTreeOps = ({ mounts, sources }: Pick<MountRequest, 'mounts' | 'sources'>): readonly LaunchOp[] =>
  mounts.flatMap((mount, index): LaunchOp[] =>
    isShared(mount)
      ? [
          {
            op: 'take-tree',
            slot: treeSlot(mounts, mount),
            source: sources[index]!.path,
            recursive: mount.recursive,
          },
        ]
      : [],
  );

/** Read-only for all that lies below, unless the file says otherwise; propagation for it in the forms with an r only (mount(8)). */
const shallowness = ({ writableBelow, propagation }: MountRecord): number =>
  (writableBelow ? SHALLOW.ATTRIBUTES : 0) | (/^(?:private|slave|shared)$/.test(propagation) ? SHALLOW.PROPAGATION : 0);

/** What the engine writes for the container is nothing to be run, and no device. */
const attributesOf = ({ kind, readOnly }: MountRecord): number =>
  kind === 'file'
    ? MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC
    : readOnly
      ? MOUNT_ATTR.RDONLY
      : 0;

type Bind = Omit<Extract<LaunchOp, { op: 'bind-in' }>, 'source'>;

/** What lies in a volume was written by containers: its links must not lead out of it. */
export const partOps = ({ root, scratch }: MountRequest, subpath: string, bind: Bind): readonly LaunchOp[] => [
  { op: 'open-in', slot: FOUND, root: scratch, inside: subpath, flags: O_PATH },
  { op: 'point-in', root, inside: bind.inside, like: FOUND },
  { ...bind, source: '', sourceRoot: FOUND },
  { op: 'close', slot: FOUND },
];

type ImageSource = NonNullable<MountSource['image']>;

/** An image's layers have no place on the host where they are merged: that is made for a moment, in this mount namespace. */
export const imageOps = (
  request: MountRequest,
  { subpath = '/' }: MountRecord,
  bind: Bind,
  source: ImageSource,
): readonly LaunchOp[] => [
  ...mergedOps(source, request.scratch),
  ...partOps(request, subpath, bind),
  { op: 'close', slot: request.scratch },
  { op: 'umount', path: source.on, flags: MNT_DETACH },
];

/** The same in hand, for a container that runs. */
export const imageTreeOps = (
  source: ImageSource,
  subpath: string | undefined,
  { slot, scratch, found }: { readonly slot: Slot; readonly scratch: Slot; readonly found: Slot },
): readonly LaunchOp[] => [
  ...mergedOps(source, scratch),
  { op: 'open-in', slot: found, root: scratch, inside: subpath ?? '/', flags: O_PATH },
  { op: 'take-tree', slot, source: '', sourceRoot: found, recursive: false },
];

/** Without an upper folder there must be two lower ones. */
const mergedOps = ({ layers, empty, on }: ImageSource, slot: Slot): readonly LaunchOp[] => [
  ...overlayOps({ layers: [...layers, empty], on, flags: MS.RDONLY }),
  { op: 'open', slot, path: on, flags: O_PATH | O_CLOEXEC },
];

/** A folder of the host's that was bound keeps the host's owners, as with Docker and podman; of an overlay the kernel maps none. */
export const isMapped = ({ kind, mapsIds }: MountRecord): boolean =>
  kind === 'volume' || kind === 'file' || mapsIds === true;

/** What has an owner that the user namespace does not know belongs to its root. `ids` absent: the host's. */
export const outside = (ids: IdRanges | undefined, kind: 'uid' | 'gid', id: number): number =>
  ids === undefined ? id : (idOutside(ids[kind], ids.size, id) ?? ids[kind]);

/** Options of a tmpfs as the host has to say them. */
export const outsideOptions = (options: readonly string[], ids: IdRanges | undefined): readonly string[] =>
  options.map((option) => {
    const [, kind, id] = /^(uid|gid)=([0-9]{1,10})$/.exec(option) ?? [];
    return kind === 'uid' || kind === 'gid' ? `${kind}=${outside(ids, kind, Number(id))}` : option;
  });

export const mountedHow = (mount: MountRecord) => ({
  recursive: mount.recursive,
  attributes: attributesOf(mount),
  propagation: PROPAGATION[mount.propagation] ?? 0,
  shallow: shallowness(mount),
});
