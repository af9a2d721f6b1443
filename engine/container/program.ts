/** A container as launch operations: what its supervisor does once, at each start, at each probe, and what an exec does. */
import type { LaunchOp, Slot } from '../launcher/ops.ts';
import { overlayOps } from '../launcher/overlay.ts';
import type { IdRanges } from '../state/records.ts';
import { sharedTreeOps } from './bind-ops.ts';
import type { Identity } from './identity.ts';
import type { AppArmorChange } from './isolation/apparmor.ts';
import { type DeviceRule, deviceFilter } from './isolation/device-filter.ts';
import { beforeUserOps, joinUserOps, mappedSetupOps } from './isolation/join-user.ts';
import { maskOps } from './isolation/masked-paths.ts';
import { joinOps, type NamespacePlan } from './isolation/namespaces.ts';
import type { SeccompFilter } from './isolation/seccomp-cache.ts';
import type { UserPlan } from './isolation/user-namespace.ts';
import { CLONE, MOUNT_ATTR, MS, O_CLOEXEC, O_DIRECTORY, O_PATH, PR_SET_NO_NEW_PRIVS } from './linux.ts';
import { INIT_PATH, type MountRequest, mountOps, type OverlayFolders } from './mounts.ts';
import { type CgroupPlan, cgroupJoinOps, cgroupOpenOps, cgroupSetupOps } from './resources/cgroup.ts';
import { type OwnNamespaces, rlimitOps, sysctlWrites } from './resources/limits.ts';

export const ROOT: Slot = 0;
export const SCRATCH: Slot = 1;
export const CGROUP: Slot = 2;
export const SHM: Slot = 3;
/** Filled in `setup`, and held by the supervisor. */
export const USER: Slot = 4;
/** For the network room, in `setup`. */
export const FIRST_NETWORK_SLOT: Slot = 8;

export interface ProcessPlan {
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly identity: Identity;
  readonly capabilities: bigint;
  readonly noNewPrivileges: boolean;
  /** Absent: no filter. */
  readonly filter?: SeccompFilter;
  readonly ulimits: Parameters<typeof rlimitOps>[0];
  readonly oomScoreAdj: number;
  /** Absent: the kernel has no AppArmor, or the process stays unconfined. */
  readonly apparmor?: AppArmorChange;
}

export interface ContainerPlan {
  readonly process: ProcessPlan;
  readonly cgroup: CgroupPlan;
  readonly overlay: OverlayFolders;
  readonly mounts: Omit<MountRequest, 'root' | 'scratch' | 'shm' | 'shmSlot'>;
  readonly namespaces: NamespacePlan;
  /** Beside the default ones. */
  readonly deviceRules: readonly DeviceRule[];
  /** What tells of the host is hidden, what changes it read-only. */
  readonly masksPaths: boolean;
  readonly hostname: string;
  readonly domainname?: string;
  readonly sysctls: Parameters<typeof sysctlWrites>[0];
  readonly ownNamespaces: OwnNamespaces;
  readonly tty: boolean;
  /** Of this host: see masked-paths.ts. */
  readonly throttlePaths: readonly string[];
  /** Made by the network room: namespace, interfaces, addresses. */
  readonly network: readonly LaunchOp[];
  /** Absent: the host's ids. */
  readonly user?: MappedPlan;
}

export interface MappedPlan extends UserPlan {
  /** The folder that holds layers and containers. */
  readonly stateRoot: string;
  /** The settings of messages and shared memory belong to root of the user namespace (Linux 6.9); before, to the host's. */
  readonly ownsIpcSettings: boolean;
}

/** Once, in the supervisor: it keeps living in the network namespace that this makes. */
export const setupProgram = (plan: ContainerPlan): readonly LaunchOp[] => [
  ...cgroupSetupOps(plan.cgroup),
  ...cgroupOpenOps(plan.cgroup, CGROUP),
  ...(plan.mounts.privileged ? [] : deviceFilter(plan.cgroup, CGROUP, plan.deviceRules)),
  ...(plan.user === undefined ? plan.network : mappedSetupOps(plan.user, USER, plan.network)),
];

/** At each start; with a user namespace mapped-program.ts. The order is runc's (engine-behaviour 2.11): what needs the host's mounts, then mounts, then privileges go. */
export function startProgram(plan: ContainerPlan): readonly LaunchOp[] {
  const { process, overlay, mounts, namespaces } = plan;
  const ownsUts = (namespaces.own & CLONE.NEWUTS) !== 0;
  const unified = plan.cgroup.unified !== undefined;
  return [
    // Before clone: the child is born in them (tasks: engine/supervise/spec.ts).
    ...cgroupJoinOps(plan.cgroup),
    ...joinOps(namespaces, SHM),
    { op: 'clone', flags: namespaces.own, ...(unified ? { cgroup: CGROUP } : {}) },
    // Only now: a namespace made by clone would have the parent's group as its root.
    ...(namespaces.ownsCgroup ? [{ op: 'unshare', flags: CLONE.NEWCGROUP } as const] : []),
    { op: 'setsid' },
    { op: 'keyring' },
    ...confineOps(process.apparmor),
    ...sharedTreeOps(mounts),
    ...propagationOps(mounts),
    // Through the host's /proc: these are of the namespaces just entered, and no image can have put anything in the way.
    ...sysctlWrites(plan.sysctls, plan.ownNamespaces).map(
      ({ path, value, optional }): LaunchOp => ({ op: 'write', path, data: value, optional }),
    ),
    ...oomOps(process.oomScoreAdj),
    ...overlayOps({ layers: overlay.layers, writable: overlay, on: overlay.on, flags: 0 }),
    { op: 'open', slot: ROOT, path: overlay.on, flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
    ...mountOps({ ...mounts, shm: namespaces.shm, root: ROOT, scratch: SCRATCH, shmSlot: SHM }),
    ...(plan.masksPaths ? maskOps(ROOT, plan.throttlePaths) : []),
    ...(plan.tty ? consoleOps() : []),
    { op: 'pivot', root: ROOT },
    ...(mounts.readOnlyRootfs ? [{ op: 'remount-root', attributes: MOUNT_ATTR.RDONLY } as const] : []),
    ...(plan.tty ? [{ op: 'setsid', terminal: true } as const] : []),
    ...(ownsUts ? [{ op: 'hostname', name: plan.hostname } as const] : []),
    ...(plan.domainname === undefined || !ownsUts ? [] : [{ op: 'domainname', name: plan.domainname } as const]),
    ...processOps(process, { createsWorkingDir: true, ownsStreams: true }),
  ];
}

/** A container's mounts never reach the host; the host's reach it only where that was asked for. */
export function propagationOps(mounts: ContainerPlan['mounts']): readonly LaunchOp[] {
  const follows = mounts.mounts.some((mount) => /slave|shared/.test(mount.propagation));
  return [{ op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | (follows ? MS.SLAVE : MS.PRIVATE) }];
}

export const consoleOps = (): readonly LaunchOp[] => [
  { op: 'touch-in', root: ROOT, inside: '/dev/console', mode: 0o600 },
  { op: 'console', root: ROOT, bind: true },
];

/** Of the container's own, where its programs find it by name; after its mounts are entered. */
const terminalOps = (): readonly LaunchOp[] => [
  { op: 'open', slot: ROOT, path: '/', flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
  { op: 'console', root: ROOT, bind: false },
  { op: 'setsid', terminal: true },
];

export const oomOps = (score: number): readonly LaunchOp[] =>
  score === 0 ? [] : [{ op: 'write', path: '/proc/self/oom_score_adj', data: `${score}` }];

/** Takes effect with the exec. Through the host's /proc: runc's CVE-2019-16884 was to do it through the container's. */
export const confineOps = (change: AppArmorChange | undefined): readonly LaunchOp[] =>
  change === undefined ? [] : [{ op: 'write', path: change.path, data: `exec ${change.profile}` }];

/** From root with every privilege to the program itself. */
export function processOps(
  process: ProcessPlan,
  { createsWorkingDir, ownsStreams }: { readonly createsWorkingDir: boolean; readonly ownsStreams: boolean },
): readonly LaunchOp[] {
  const { identity, capabilities, filter, noNewPrivileges } = process;
  const seccomp: LaunchOp[] = filter === undefined ? [] : [{ op: 'seccomp', filter: filter.code, flags: filter.flags }];
  // Capabilities of root alone survive exec; nobody else keeps any that no file grants.
  const held = identity.uid === 0 ? capabilities : 0n;
  return [
    ...rlimitOps(process.ulimits),
    { op: 'umask', mask: 0o022 },
    { op: 'chdir', inside: process.workingDir === '' ? '/' : process.workingDir, create: createsWorkingDir },
    // Without no_new_privs loading a filter needs CAP_SYS_ADMIN; with it the filter comes last, so that it need not allow what follows.
    ...(noNewPrivileges ? [] : seccomp),
    { op: 'bounding', mask: capabilities },
    ...(ownsStreams ? [{ op: 'own-streams', uid: identity.uid } as const] : []),
    { op: 'set-ids', uid: identity.uid, gid: identity.gid, groups: identity.groups },
    { op: 'capabilities', effective: held, permitted: held, inheritable: 0n, ambient: 0n },
    ...(noNewPrivileges ? [{ op: 'prctl', option: PR_SET_NO_NEW_PRIVS, arg2: 1n } as const, ...seccomp] : []),
    ...findOps(process),
    { op: 'exec', argv: process.argv, env: process.env },
  ];
}

/** An init starts before its program does: that this is missing is told as without one. */
const findOps = ({ argv: [init, , program], env }: ProcessPlan): readonly LaunchOp[] =>
  init === INIT_PATH && program !== undefined ? [{ op: 'find', program, env }] : [];

export interface JoinTarget {
  /** 0: the container's init of that moment (probes). */
  readonly pid: number;
  readonly startTime: string;
}

/**
 * Another process in a running container: a probe or an exec. Groups are entered by the host's paths, before its mounts are; and after
 * `clone`, since the launcher that waits for an exec is no process of the container: not counted, not frozen, not killed with it.
 */
export function joinProgram(
  target: JoinTarget,
  process: ProcessPlan,
  cgroup: CgroupPlan,
  /** `ownsStreams`: they were made for it; those of whoever called exec are not given away. */
  options: { readonly terminal: boolean; readonly ownsStreams: boolean; readonly ids?: IdRanges | undefined },
): readonly LaunchOp[] {
  const { ids } = options;
  const entered = CLONE.NEWNET | CLONE.NEWUTS | CLONE.NEWIPC | CLONE.NEWCGROUP | CLONE.NEWNS;
  return [
    { op: 'join', ...target, flags: CLONE.NEWPID },
    ...cgroupOpenOps(cgroup, CGROUP),
    { op: 'clone', flags: 0, ...(cgroup.unified === undefined ? {} : { cgroup: CGROUP }) },
    ...cgroupJoinOps(cgroup),
    { op: 'keyring' },
    ...confineOps(process.apparmor),
    ...oomOps(process.oomScoreAdj),
    ...(ids === undefined ? [] : beforeUserOps(process.ulimits)),
    { op: 'join', ...target, flags: entered },
    ...(options.terminal ? terminalOps() : []),
    ...(ids === undefined ? [] : joinUserOps(target, process.identity.uid, { ids, ownsStreams: options.ownsStreams })),
    ...processOps(process, { createsWorkingDir: false, ownsStreams: options.ownsStreams && ids === undefined }),
  ];
}
