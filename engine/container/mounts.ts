/** What is mounted where in a container: the layers, the kernel's own file systems, devices, and what was asked for. */
import { dirname, posix } from 'node:path';
import type { LaunchOp, Slot } from '../launcher/ops.ts';
import type { IdRanges, MountRecord } from '../state/records.ts';
import { tmpfsMount } from '../volume/tmpfs-options.ts';
import { imageOps, isMapped, isShared, mountedHow, outside, outsideOptions, partOps, treeSlot } from './bind-ops.ts';
import type { DeviceNode } from './isolation/devices.ts';
import type { NamespacePlan } from './isolation/namespaces.ts';
import { MOUNT_ATTR, MS, O_CLOEXEC, O_PATH, S_IFBLK, S_IFCHR } from './linux.ts';
import { type CgroupView, cgroupMountOps } from './resources/cgroup-mounts.ts';

export interface MountSource {
  /** Host path; '' for a tmpfs. */
  readonly path: string;
  readonly isFolder: boolean;
  /** Of an image: its layers, topmost first, and two empty folders: one below them all, one that they are mounted on for a moment. */
  readonly image?: { readonly layers: readonly string[]; readonly empty: string; readonly on: string };
}

export interface MountRequest {
  readonly root: Slot;
  /** Free for use here. */
  readonly scratch: Slot;
  readonly mounts: readonly MountRecord[];
  /** One for each of `mounts`, same order. */
  readonly sources: readonly MountSource[];
  /** The folder that holds hosts, hostname and resolv.conf. */
  readonly filesFrom: string;
  /** Host path of the program that is process 1 with `init: true`. */
  readonly init?: string;
  readonly readOnlyRootfs: boolean;
  readonly privileged: boolean;
  /** Whether the container's control groups may be written from inside. */
  readonly writableCgroups: boolean;
  readonly shmSizeBytes: number;
  /** Of version 1 hierarchies, or of the unified one. */
  readonly cgroups: readonly CgroupView[];
  readonly devices: readonly DeviceNode[];
  readonly shm: NamespacePlan['shm'];
  /** Holds another container's, taken before. */
  readonly shmSlot: Slot;
  /** The kernel has /proc/kcore. */
  readonly hasKcore: boolean;
  /** Absent: the host's ids. */
  readonly user?: { readonly slot: Slot; readonly ids: IdRanges };
}

export interface OverlayFolders {
  /** Topmost first. */
  readonly layers: readonly string[];
  readonly upper: string;
  readonly work: string;
  /** Where it is mounted. */
  readonly on: string;
}

interface Entry {
  readonly target: string;
  readonly ops: readonly LaunchOp[];
}

/** What the kernel makes for namespaces, and what lies in it: in a user namespace only who is in it may mount that. */
const IS_KERNELS = /^\/(?:proc|sys|dev\/mqueue)(?:\/|$)/;

export const mountOps = (request: MountRequest): readonly LaunchOp[] => entries(request).flatMap(({ ops }) => ops);

/** Of a container with a user namespace: what is mounted before it is entered, and what from within. */
export function mountPhases(request: MountRequest): {
  readonly outside: readonly LaunchOp[];
  readonly within: readonly LaunchOp[];
} {
  const all = entries(request);
  const phase = (kernels: boolean) =>
    all.filter(({ target }) => IS_KERNELS.test(target) === kernels).flatMap(({ ops }) => ops);
  return { outside: phase(false), within: phase(true) };
}

/** In order of depth, so that parents are mounted before what lies in them. A mount that was asked for replaces the usual one. */
function entries(request: MountRequest): readonly Entry[] {
  const asked = request.mounts.map((mount, index) => askedFor(request, mount, request.sources[index]!));
  const isAsked = (target: string) => asked.some((entry) => entry.target === target);
  // Whoever brings a whole /dev or /sys brings what lies in it, as with Docker: the host's control groups with `/sys:/sys`.
  const owned = ['/dev', '/sys'].filter(isAsked);
  const usual = [...usualMounts(request), ...filesOf(request), ...initOf(request)].filter(
    ({ target }) => !isAsked(target) && !owned.some((folder) => target.startsWith(`${folder}/`)),
  );
  const depth = ({ target }: Entry) => target.split('/').length;
  return [...usual, ...asked].sort((a, b) => depth(a) - depth(b));
}

/** Docker's defaults. A folder of /dev is not `nodev`, or the devices in it would be dead. */
function usualMounts(request: MountRequest): readonly Entry[] {
  const { root, privileged } = request;
  const strict = MS.NOSUID | MS.NOEXEC | MS.NODEV;
  const guarded = privileged ? strict : strict | MS.RDONLY;
  const cgroupFlags = request.writableCgroups ? strict : strict | MS.RDONLY;
  const fresh = (target: string, type: string, flags: number, data?: string, optional = false): Entry => ({
    target,
    ops: [
      { op: 'mkdir-in', root, inside: target, mode: 0o755, parents: true },
      {
        op: 'mount-in',
        root,
        source: type,
        inside: target,
        type,
        flags,
        optional,
        ...(data === undefined ? {} : { data }),
      },
    ],
  });
  const dev = fresh('/dev', 'tmpfs', MS.NOSUID | MS.STRICTATIME, 'mode=755,size=65536k');
  return [
    fresh('/proc', 'proc', strict),
    { target: dev.target, ops: [...dev.ops, ...linkOps(root, request.hasKcore)] },
    fresh('/sys', 'sysfs', guarded),
    fresh(
      '/dev/pts',
      'devpts',
      MS.NOSUID | MS.NOEXEC,
      `newinstance,ptmxmode=0666,mode=0620,gid=${outside(request.user?.ids, 'gid', TTY)}`,
    ),
    { target: '/dev/shm', ops: shmOps(request) },
    // Not every kernel has POSIX message queues.
    fresh('/dev/mqueue', 'mqueue', strict, undefined, true),
    { target: '/sys/fs/cgroup', ops: cgroupMountOps(root, request.cgroups, cgroupFlags) },
    ...request.devices.map((node) => nodeEntry(request, node)),
  ];
}

/** The group of terminals, on every distribution. */
const TTY = 5;

const mapped = ({ user }: MountRequest): { readonly user?: Slot } => (user === undefined ? {} : { user: user.slot });

const LINKS: readonly [name: string, target: string][] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['core', '/proc/kcore'],
  ['ptmx', 'pts/ptmx'],
];

function linkOps(root: Slot, hasKcore: boolean): readonly LaunchOp[] {
  return LINKS.filter(([name]) => name !== 'core' || hasKcore).map(
    ([name, target]): LaunchOp => ({ op: 'symlink-in', root, inside: `/dev/${name}`, target, existsOk: true }),
  );
}

const nodeEntry = (request: MountRequest, { path, type, mode, ...rest }: DeviceNode): Entry => ({
  target: path,
  ops: [
    ...(dirname(path) === '/dev'
      ? []
      : [{ op: 'mkdir-in', root: request.root, inside: dirname(path), mode: 0o755, parents: true } as const]),
    {
      op: 'mknod-in',
      root: request.root,
      inside: path,
      mode: (type === 'c' ? S_IFCHR : S_IFBLK) | mode,
      major: rest.major,
      minor: rest.minor,
      uid: outside(request.user?.ids, 'uid', rest.uid),
      gid: outside(request.user?.ids, 'gid', rest.gid),
    },
  ],
});

function shmOps({ root, shm, shmSlot, shmSizeBytes }: MountRequest): readonly LaunchOp[] {
  const inside = '/dev/shm';
  const point: LaunchOp = { op: 'mkdir-in', root, inside, mode: 0o1777, parents: true };
  if (shm === 'none') return [];
  if (shm === 'host') {
    return [point, { op: 'bind-in', root, source: inside, inside, recursive: false, attributes: 0, propagation: 0 }];
  }
  if (shm !== 'own') return [point, { op: 'attach-in', slot: shmSlot, root, inside }];
  const flags = MS.NOSUID | MS.NOEXEC | MS.NODEV;
  const data = `mode=1777,size=${shmSizeBytes}`;
  return [point, { op: 'mount-in', root, source: 'shm', inside, type: 'tmpfs', flags, data }];
}

/** Rewritten in place while the container runs (networks come and go), so they are bound, not copied. */
function filesOf(request: MountRequest): readonly Entry[] {
  const { root, filesFrom, readOnlyRootfs } = request;
  return ['hosts', 'hostname', 'resolv.conf'].map((name) => {
    const inside = `/etc/${name}`;
    return {
      target: inside,
      ops: [
        { op: 'touch-in', root, inside, mode: 0o644, parents: true },
        {
          op: 'bind-in',
          root,
          source: `${filesFrom}/${name}`,
          inside,
          recursive: false,
          attributes: readOnlyRootfs ? MOUNT_ATTR.RDONLY : 0,
          propagation: 0,
          ...mapped(request),
        },
      ],
    };
  });
}

/** Where Docker puts its own. */
export const INIT_PATH = '/sbin/docker-init';

function initOf({ root, init }: MountRequest): readonly Entry[] {
  if (init === undefined) return [];
  const bind = { recursive: false, attributes: MOUNT_ATTR.RDONLY, propagation: 0 };
  return [
    {
      target: INIT_PATH,
      ops: [
        { op: 'touch-in', root, inside: INIT_PATH, mode: 0o755, parents: true },
        { op: 'bind-in', root, source: init, inside: INIT_PATH, ...bind },
      ],
    },
  ];
}

function askedFor(request: MountRequest, mount: MountRecord, source: MountSource): Entry {
  const { root, scratch } = request;
  // A slash at the end survives normalize, and would hide that two are the same.
  const target = posix.normalize(mount.target).replace(/(?<=.)\/$/, '');
  if (mount.kind === 'tmpfs') return { target, ops: tmpfsOps(request, target, mount) };
  const point: LaunchOp = source.isFolder
    ? { op: 'mkdir-in', root, inside: target, mode: 0o755, parents: true }
    : { op: 'touch-in', root, inside: target, mode: 0o644, parents: true };
  const how = {
    root,
    inside: target,
    ...mountedHow(mount),
    ...(isMapped(mount) ? mapped(request) : {}),
  };
  if (isShared(mount))
    return { target, ops: [point, { op: 'attach-in', slot: treeSlot(request.mounts, mount), ...how }] };
  const bind = { op: 'bind-in' as const, ...how };
  if (source.image !== undefined) return { target, ops: imageOps(request, mount, bind, source.image) };
  if (mount.subpath === undefined) return { target, ops: [point, { ...bind, source: source.path }] };
  return {
    target,
    ops: [
      { op: 'open', slot: scratch, path: source.path, flags: O_PATH | O_CLOEXEC },
      ...partOps(request, mount.subpath, bind),
      { op: 'close', slot: scratch },
    ],
  };
}

/** Words that mount(2) takes as flags are taken out of the option string; what is left is tmpfs's own. */
function tmpfsOps(request: MountRequest, inside: string, mount: MountRecord): readonly LaunchOp[] {
  const { root } = request;
  const { flags, data } = tmpfsMount(outsideOptions(mount.options, request.user?.ids), mount.readOnly);
  return [
    { op: 'mkdir-in', root, inside, mode: 0o755, parents: true },
    { op: 'mount-in', root, source: 'tmpfs', inside, type: 'tmpfs', flags, data: data.join(',') },
  ];
}
