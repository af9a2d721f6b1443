/**
 * A container with a user namespace as launch operations. Until that is entered all is done with the host's rights, in a mount namespace
 * of its own; what the kernel gives to who owns the namespaces is done afterwards, by the container's first process.
 */
import { join, relative } from 'node:path';
import { type LaunchOp, type Slot, slotFd } from '../../launcher/ops.ts';
import { overlayOps } from '../../launcher/overlay.ts';
import { sharedTreeOps } from '../bind-ops.ts';
import {
  CLONE,
  MOUNT_ATTR,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  PR_SET_SECUREBITS,
  SECBIT_NO_SETUID_FIXUP,
} from '../linux.ts';
import { mountPhases, type OverlayFolders } from '../mounts.ts';
import {
  CGROUP,
  type ContainerPlan,
  confineOps,
  consoleOps,
  type MappedPlan,
  oomOps,
  processOps,
  propagationOps,
  ROOT,
  SCRATCH,
  SHM,
  USER,
} from '../program.ts';
import { cgroupJoinOps } from '../resources/cgroup.ts';
import { sysctlWrites } from '../resources/limits.ts';
import { BECOME_ROOT, beforeUserOps, ownStreamsOps } from './join-user.ts';
import { maskOps } from './masked-paths.ts';
import { joinOps } from './namespaces.ts';

const HOST: Slot = 5;
const OPEN_HOST: LaunchOp = { op: 'open', slot: HOST, path: '/', flags: O_PATH | O_DIRECTORY | O_CLOEXEC };
const PLAIN = { attributes: 0, propagation: 0 };

export function mappedStartProgram(plan: ContainerPlan, user: MappedPlan): readonly LaunchOp[] {
  const { process, overlay, namespaces } = plan;
  const { ids } = user;
  const { on } = overlay;
  const { outside, within } = mountPhases({
    ...plan.mounts,
    shm: namespaces.shm,
    root: ROOT,
    scratch: SCRATCH,
    shmSlot: SHM,
    user: { slot: USER, ids },
  });
  const unified = plan.cgroup.unified !== undefined;
  const openRoot: LaunchOp = { op: 'open', slot: ROOT, path: on, flags: O_PATH | O_DIRECTORY | O_CLOEXEC };
  const settings = settingsOps(plan, user);
  return [
    ...cgroupJoinOps(plan.cgroup),
    ...joinOps(namespaces, SHM),
    ...confineOps(process.apparmor),
    ...oomOps(process.oomScoreAdj),
    ...settings.network,
    { op: 'unshare', flags: CLONE.NEWNS },
    ...sharedTreeOps(plan.mounts),
    ...propagationOps(plan.mounts),
    // What is made from here on belongs to the container's root.
    { op: 'prctl', option: PR_SET_SECUREBITS, arg2: SECBIT_NO_SETUID_FIXUP },
    { op: 'fs-ids', uid: ids.uid, gid: ids.gid },
    OPEN_HOST,
    ...mappedOverlayOps(overlay, user.stateRoot),
    openRoot,
    ...outside,
    ...(plan.tty ? consoleOps() : []),
    ...ownStreamsOps(process.identity.uid, ids),
    // To be born in a group one must own its files.
    { op: 'fs-ids', uid: 0, gid: 0 },
    ...beforeUserOps(process.ulimits),
    { op: 'join-path', path: `/proc/self/fd/${slotFd(USER)}`, flags: CLONE.NEWUSER },
    { op: 'clone', flags: namespaces.own & ~CLONE.NEWIPC, ...(unified ? { cgroup: CGROUP } : {}) },
    ...(namespaces.ownsCgroup ? [{ op: 'unshare', flags: CLONE.NEWCGROUP } as const] : []),
    { op: 'setsid' },
    // Mounts that came from a mount namespace of more rights are locked, and none of those can become the root: a copy can.
    OPEN_HOST,
    { op: 'bind-in', root: HOST, source: on, inside: on, recursive: true, ...PLAIN },
    openRoot,
    // The folder of its message queues belongs to who makes the namespace.
    { op: 'fs-ids', uid: 0, gid: 0 },
    ...((namespaces.own & CLONE.NEWIPC) === 0 ? [] : [{ op: 'unshare', flags: CLONE.NEWIPC } as const]),
    ...settings.asHostRoot,
    BECOME_ROOT,
    { op: 'keyring' },
    ...settings.asOwner,
    ...within,
    ...(plan.masksPaths ? maskOps(ROOT, plan.throttlePaths) : []),
    { op: 'pivot', root: ROOT },
    ...(plan.mounts.readOnlyRootfs ? [{ op: 'remount-root', attributes: MOUNT_ATTR.RDONLY } as const] : []),
    ...(plan.tty ? [{ op: 'setsid', terminal: true } as const] : []),
    ...nameOps(plan),
    ...processOps(process, { createsWorkingDir: true, ownsStreams: false }),
  ];
}

/** The whole state is seen through one mount that maps ids, which the overlay then covers: what is on the disk has the ids that an image gives. */
function mappedOverlayOps({ layers, upper, work, on }: OverlayFolders, stateRoot: string): readonly LaunchOp[] {
  const seen = (path: string) => join(on, relative(stateRoot, path));
  return [
    { op: 'bind-in', root: HOST, source: stateRoot, inside: on, recursive: false, ...PLAIN, user: USER },
    ...overlayOps({
      layers: layers.map(seen),
      writable: { upper: seen(upper), work: seen(work) },
      on,
      flags: 0,
    }),
  ];
}

/** Each is written by who the kernel takes it from. */
function settingsOps({ sysctls, ownNamespaces }: ContainerPlan, { ownsIpcSettings }: MappedPlan) {
  const writes = sysctlWrites(sysctls, ownNamespaces).map(
    ({ path, value, optional }) => ({ op: 'write', path, data: value, optional }) as const,
  );
  const isNetwork = ({ path }: { path: string }) => path.startsWith('/proc/sys/net/');
  const isOwners = ({ path }: { path: string }) => ownsIpcSettings && !path.startsWith('/proc/sys/kernel/domainname');
  return {
    network: writes.filter(isNetwork),
    asHostRoot: writes.filter((write) => !isNetwork(write) && !isOwners(write)),
    asOwner: writes.filter((write) => !isNetwork(write) && isOwners(write)),
  };
}

function nameOps({ namespaces, hostname, domainname }: ContainerPlan): readonly LaunchOp[] {
  if ((namespaces.own & CLONE.NEWUTS) === 0) return [];
  return [
    { op: 'hostname', name: hostname },
    ...(domainname === undefined ? [] : [{ op: 'domainname', name: domainname } as const]),
  ];
}
