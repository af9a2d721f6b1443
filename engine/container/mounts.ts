/** What is mounted where in a container: the layers, the kernel's own file systems, devices, and what was asked for. */
import { posix } from 'node:path';
import type { LaunchOp, Slot } from '../launcher/ops.ts';
import type { MountRecord } from '../state/records.ts';
import { MOUNT_ATTR, MS, O_CLOEXEC, O_PATH, S_IFCHR } from './linux.ts';

export interface MountSource {
  /** Host path; '' for a tmpfs. */
  readonly path: string;
  readonly isFolder: boolean;
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
  readonly shmSizeBytes: number;
  /** Mounts of version 1 hierarchies or of the unified one, as `type` and `data`. */
  readonly cgroups: readonly { readonly name: string; readonly type: 'cgroup' | 'cgroup2'; readonly data: string }[];
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

/** In order of depth, so that parents are mounted before what lies in them. A mount that was asked for replaces the usual one. */
export function mountOps(request: MountRequest): readonly LaunchOp[] {
  const asked = request.mounts.map((mount, index) => askedFor(request, mount, request.sources[index]!));
  const isAsked = (target: string) => asked.some((entry) => entry.target === target);
  const ownsDev = isAsked('/dev');
  const usual = [...usualMounts(request), ...filesOf(request), ...initOf(request)].filter(
    ({ target }) => !isAsked(target) && !(ownsDev && target.startsWith('/dev/')),
  );
  const depth = ({ target }: Entry) => target.split('/').length;
  return [...usual, ...asked].sort((a, b) => depth(a) - depth(b)).flatMap((entry) => entry.ops);
}

/** Docker's defaults. A folder of /dev is not `nodev`, or the devices in it would be dead. */
function usualMounts(request: MountRequest): readonly Entry[] {
  const { root, privileged, shmSizeBytes } = request;
  const strict = MS.NOSUID | MS.NOEXEC | MS.NODEV;
  const guarded = privileged ? strict : strict | MS.RDONLY;
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
    { target: dev.target, ops: [...dev.ops, ...deviceOps(root)] },
    fresh('/sys', 'sysfs', guarded),
    fresh('/dev/pts', 'devpts', MS.NOSUID | MS.NOEXEC, 'newinstance,ptmxmode=0666,mode=0620,gid=5'),
    fresh('/dev/shm', 'tmpfs', strict, `mode=1777,size=${shmSizeBytes}`),
    // Not every kernel has POSIX message queues.
    fresh('/dev/mqueue', 'mqueue', strict, undefined, true),
    ...cgroupMounts(request, guarded),
  ];
}

function cgroupMounts({ root, cgroups }: MountRequest, flags: number): readonly Entry[] {
  const target = '/sys/fs/cgroup';
  const mount = (inside: string, type: string, data: string): LaunchOp => ({
    op: 'mount-in',
    root,
    source: type,
    inside,
    type,
    flags,
    data,
    optional: true,
  });
  const [first] = cgroups;
  if (first === undefined) return [];
  if (first.type === 'cgroup2') return [{ target, ops: [mount(target, 'cgroup2', '')] }];
  const above: LaunchOp = {
    op: 'mount-in',
    root,
    source: 'tmpfs',
    inside: target,
    type: 'tmpfs',
    flags: MS.NOSUID | MS.NODEV | MS.NOEXEC,
    data: 'mode=755',
  };
  const each = cgroups.flatMap(({ name, data }): LaunchOp[] => [
    { op: 'mkdir-in', root, inside: `${target}/${name}`, mode: 0o755 },
    mount(`${target}/${name}`, 'cgroup', data),
  ]);
  return [{ target, ops: [above, ...each] }];
}

const DEVICES: readonly [name: string, major: number, minor: number][] = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
];

const LINKS: readonly [name: string, target: string][] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['core', '/proc/kcore'],
  ['ptmx', 'pts/ptmx'],
];

function deviceOps(root: Slot): readonly LaunchOp[] {
  const nodes = DEVICES.map(
    ([name, major, minor]): LaunchOp => ({
      op: 'mknod-in',
      root,
      inside: `/dev/${name}`,
      mode: S_IFCHR | 0o666,
      major,
      minor,
    }),
  );
  const links = LINKS.map(
    ([name, target]): LaunchOp => ({ op: 'symlink-in', root, inside: `/dev/${name}`, target, existsOk: true }),
  );
  return [...nodes, ...links];
}

/** Rewritten in place while the container runs (networks come and go), so they are bound, not copied. */
function filesOf({ root, filesFrom, readOnlyRootfs }: MountRequest): readonly Entry[] {
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

/** mount_setattr(2) takes one type and refuses MS_REC: the r… forms differ by the bind's own `recursive`. */
const PROPAGATION: Readonly<Record<string, number>> = {
  private: MS.PRIVATE,
  rprivate: MS.PRIVATE,
  slave: MS.SLAVE,
  rslave: MS.SLAVE,
  shared: MS.SHARED,
  rshared: MS.SHARED,
};

function askedFor({ root, scratch }: MountRequest, mount: MountRecord, source: MountSource): Entry {
  // A slash at the end survives normalize, and would hide that two are the same.
  const target = posix.normalize(mount.target).replace(/(?<=.)\/$/, '');
  if (mount.kind === 'tmpfs') return { target, ops: tmpfsOps(root, target, mount) };
  const point: LaunchOp = source.isFolder
    ? { op: 'mkdir-in', root, inside: target, mode: 0o755, parents: true }
    : { op: 'touch-in', root, inside: target, mode: 0o644, parents: true };
  const bind = {
    op: 'bind-in' as const,
    root,
    inside: target,
    recursive: mount.recursive,
    attributes: mount.readOnly ? MOUNT_ATTR.RDONLY : 0,
    propagation: PROPAGATION[mount.propagation] ?? 0,
  };
  if (mount.subpath === undefined) return { target, ops: [point, { ...bind, source: source.path }] };
  // What lies in a volume was written by containers: its links must not lead out of it.
  return {
    target,
    ops: [
      point,
      { op: 'open', slot: scratch, path: source.path, flags: O_PATH | O_CLOEXEC },
      { ...bind, source: '', sourceRoot: scratch, sourceInside: mount.subpath },
      { op: 'close', slot: scratch },
    ],
  };
}

const TMPFS_FLAGS: Readonly<Record<string, { readonly flag: number; readonly on: boolean }>> = {
  ro: { flag: MS.RDONLY, on: true },
  rw: { flag: MS.RDONLY, on: false },
  nosuid: { flag: MS.NOSUID, on: true },
  suid: { flag: MS.NOSUID, on: false },
  nodev: { flag: MS.NODEV, on: true },
  dev: { flag: MS.NODEV, on: false },
  noexec: { flag: MS.NOEXEC, on: true },
  exec: { flag: MS.NOEXEC, on: false },
};

/** Words that mount(2) takes as flags are taken out of the option string; what is left is tmpfs's own. */
function tmpfsOps(root: Slot, inside: string, mount: MountRecord): readonly LaunchOp[] {
  let flags: number = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  const data: string[] = [];
  for (const option of mount.options) {
    const known = TMPFS_FLAGS[option];
    if (known === undefined) data.push(option);
    else flags = known.on ? flags | known.flag : flags & ~known.flag;
  }
  if (mount.readOnly) flags |= MS.RDONLY;
  if (!data.some((option) => option.startsWith('mode='))) data.push('mode=1777');
  return [
    { op: 'mkdir-in', root, inside, mode: 0o755, parents: true },
    { op: 'mount-in', root, source: 'tmpfs', inside, type: 'tmpfs', flags, data: data.join(',') },
  ];
}
