/** The control groups of a container: which folders, which limits, and how its first process gets in. */
import type { DesiredContainer } from '../../../src/model/desired.ts';
import type { LaunchOp, Slot } from '../../launcher/ops.ts';
import type { CgroupFacts } from './cgroup-facts.ts';
import { type Knobs, type Limit, type Limits, limitsOf } from './cgroup-limits.ts';

export interface CgroupPlan extends Limits {
  /** Made before the first start, parents first; removed after the last, in reverse. */
  readonly folders: readonly string[];
  /** Written after the folders exist. */
  readonly limits: readonly Limit[];
  /** What was asked for and this host does not have, by name. */
  readonly warnings: readonly string[];
  /** Version 1: files in which the first process writes "0". One per hierarchy: `tasks`, which alone skips the machine-wide lock. */
  readonly tasks: readonly string[];
  /** Version 2: the folder that the process is born in. */
  readonly unified?: string;
}

type Resources = DesiredContainer['resources'];

/** What a container says of where it wants to be. */
export interface CgroupWish {
  readonly id: string;
  readonly madeFrom: Pick<DesiredContainer, 'resources' | 'cgroupParent'>;
}

export const cgroupParent = (instance: string): string => `tcompose-${instance}`;

/** Relative to the mount points, as is what follows. A path of the user's own cannot leave them: `..` is refused before. */
export const parentOf = (instance: string, { cgroupParent: own }: CgroupWish['madeFrom']): string =>
  own === undefined ? cgroupParent(instance) : own.split('/').filter(Boolean).join('/') || cgroupParent(instance);

/** Beside strangers' groups the name says whose it is. */
export const groupName = (instance: string, parent: string, id: string): string =>
  parent === cgroupParent(instance) ? id : `${cgroupParent(instance)}-${id}`;

/** Every hierarchy joined costs each start and each end: those that hold a limit, and what finding, ending and counting needs. */
export function cgroupPlan(facts: CgroupFacts, instance: string, wish: CgroupWish, knobs: Knobs): CgroupPlan {
  const place = cgroupPlace(facts, instance, wish);
  const parent = parentOf(instance, wish.madeFrom);
  const own = `${parent}/${groupName(instance, parent, wish.id)}`;
  const isUnified = facts.mode === 'unified';
  const folder = (controller: string) => {
    const point = isUnified ? facts.unified : facts.hierarchies[controller];
    return point === undefined ? undefined : `${point}/${own}`;
  };
  return { ...place, ...limitsOf(isUnified ? 2 : 1, wish.madeFrom.resources, folder, knobs) };
}

/** Without limits: for those that only join. */
export function cgroupPlace(facts: CgroupFacts, instance: string, { id, madeFrom }: CgroupWish): CgroupPlan {
  const parent = parentOf(instance, madeFrom);
  const at = (mount: string) => `${mount}/${parent}/${groupName(instance, parent, id)}`;
  const hierarchies = legacyControllers(facts, madeFrom.resources).map((name) => at(facts.hierarchies[name]!));
  const joined = [...new Set(hierarchies)];
  const unified = facts.unified === undefined ? undefined : at(facts.unified);
  return {
    folders: unified === undefined ? joined : [unified, ...joined],
    limits: [],
    warnings: [],
    tasks: joined.map((folder) => `${folder}/tasks`),
    ...(unified === undefined ? {} : { unified }),
  };
}

/** Controllers to hand down on version 2: the parent's children can only have what the parent's subtree_control names. */
export const UNIFIED_CONTROLLERS = ['memory', 'pids', 'cpu', 'cpuset', 'io'];

const CPU_LIMITS = [
  'milliCpus',
  'cpuShares',
  'cpuQuotaUs',
  'cpuPeriodUs',
  'cpuRealtimeRuntimeUs',
  'cpuRealtimePeriodUs',
] as const;

/** blkio counts what is read and written. Processor time, freezing and the device filter are version 2's wherever it is mounted. */
function legacyControllers(facts: CgroupFacts, resources: Resources): readonly string[] {
  const wanted = ['memory', 'pids', 'blkio'];
  if (CPU_LIMITS.some((name) => resources[name] !== undefined)) wanted.push('cpu');
  if (resources.cpuset !== undefined) wanted.push('cpuset');
  if (facts.unified === undefined) wanted.push('freezer', 'devices', 'cpuacct');
  return facts.mode === 'unified' ? [] : wanted.filter((controller) => facts.hierarchies[controller] !== undefined);
}

/** Before the first start. The parent folders exist (cgroup-parents.ts). */
export const cgroupSetupOps = (plan: CgroupPlan): readonly LaunchOp[] => [
  ...plan.folders.map((path): LaunchOp => ({ op: 'mkdir', path, mode: 0o755, existsOk: true })),
  ...plan.limits.map(({ path, value }): LaunchOp => ({ op: 'write', path, data: value })),
];

/** In the child, before it leaves the host's mounts. */
export const cgroupJoinOps = (plan: CgroupPlan): readonly LaunchOp[] =>
  plan.tasks.map((path): LaunchOp => ({ op: 'write', path, data: '0' }));

/** Before clone: opens the folder to be born in. */
export const cgroupOpenOps = (plan: CgroupPlan, slot: Slot): readonly LaunchOp[] =>
  plan.unified === undefined ? [] : [{ op: 'open', slot, path: plan.unified, flags: O_PATH_DIRECTORY }];

/** O_PATH | O_DIRECTORY | O_CLOEXEC on x86_64; aarch64 numbers O_DIRECTORY differently. */
const O_PATH_DIRECTORY = 0o10000000 | 0o2000000 | (process.arch === 'arm64' ? 0o40000 : 0o200000);
