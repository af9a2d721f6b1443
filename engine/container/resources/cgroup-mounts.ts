/** What a container sees of its control groups. */
import type { LaunchOp, Slot } from '../../launcher/ops.ts';
import { MOUNT_ATTR, MS } from '../linux.ts';

export interface CgroupView {
  readonly name: string;
  readonly type: 'cgroup' | 'cgroup2';
  readonly data: string;
  /**
   * Version 1 in the host's cgroup namespace: the container's own folder, which is bound; a mount of the hierarchy would show all of the
   * host's. Version 2 has that view with `cgroup: host`, as elsewhere: monitoring is what it is asked for.
   */
  readonly folder?: string;
}

const TARGET = '/sys/fs/cgroup';

export function cgroupMountOps(root: Slot, views: readonly CgroupView[], flags: number): readonly LaunchOp[] {
  const [first] = views;
  if (first === undefined) return [];
  if (first.type === 'cgroup2') return [mounted(root, TARGET, first, flags)];
  const above: LaunchOp = {
    op: 'mount-in',
    root,
    source: 'tmpfs',
    inside: TARGET,
    type: 'tmpfs',
    flags: MS.NOSUID | MS.NODEV | MS.NOEXEC,
    data: 'mode=755',
  };
  const each = views.flatMap((view): LaunchOp[] => {
    const inside = `${TARGET}/${view.name}`;
    const point: LaunchOp = { op: 'mkdir-in', root, inside, mode: 0o755 };
    return [
      point,
      view.folder === undefined ? mounted(root, inside, view, flags) : bound(root, inside, view.folder, flags),
    ];
  });
  return [above, ...each];
}

const mounted = (root: Slot, inside: string, { type, data }: CgroupView, flags: number): LaunchOp => ({
  op: 'mount-in',
  root,
  source: type,
  inside,
  type,
  flags,
  data,
  optional: true,
});

/** MS_RDONLY, MS_NOSUID, MS_NODEV and MS_NOEXEC are numbered as the attributes of the same names. */
const bound = (root: Slot, inside: string, source: string, flags: number): LaunchOp => ({
  op: 'bind-in',
  root,
  source,
  inside,
  recursive: false,
  attributes: flags & (MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC),
  propagation: 0,
  optional: true,
});
