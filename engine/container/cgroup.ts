/** The control groups of a container: which folders, which limits, and how its first process gets in. */
import type { DesiredContainer } from '../../src/model/desired.ts';
import type { LaunchOp, Slot } from '../launcher/ops.ts';
import type { CgroupFacts } from './cgroup-facts.ts';

export interface CgroupPlan {
  /** Made before the first start, parents first; removed after the last, in reverse. */
  readonly folders: readonly string[];
  /** Written after the folders exist; a change of limits writes them again. */
  readonly limits: readonly { readonly path: string; readonly value: string; readonly optional: boolean }[];
  /** Version 1: files in which the first process writes "0". One per hierarchy: `tasks`, which alone skips the machine-wide lock. */
  readonly tasks: readonly string[];
  /** Version 2: the folder that the process is born in. */
  readonly unified?: string;
}

type Resources = DesiredContainer['resources'];
type Limit = CgroupPlan['limits'][number];

const PERIOD_US = 100_000;

export const cgroupParent = (instance: string): string => `tcompose-${instance}`;

/** Every hierarchy joined costs each start and each end: only those that hold a limit, and what finding and ending processes needs. */
export function cgroupPlan(facts: CgroupFacts, instance: string, id: string, resources: Resources): CgroupPlan {
  const at = (mount: string) => `${mount}/${cgroupParent(instance)}/${id}`;
  const hierarchies = legacyControllers(facts, resources).map((controller) => at(facts.hierarchies[controller]!));
  const joined = [...new Set(hierarchies)];
  const unified = facts.unified === undefined ? undefined : at(facts.unified);
  const limits =
    facts.mode === 'unified'
      ? unifiedLimits(unified!, resources)
      : legacyLimits((controller) => at(facts.hierarchies[controller]!), facts, resources);
  return {
    folders: unified === undefined ? joined : [unified, ...joined],
    limits,
    tasks: joined.map((folder) => `${folder}/tasks`),
    ...(unified === undefined ? {} : { unified }),
  };
}

/** Controllers to hand down on version 2: the parent's children can only have what the parent's subtree_control names. */
export const UNIFIED_CONTROLLERS = ['memory', 'pids', 'cpu', 'cpuset', 'io'];

function legacyControllers(facts: CgroupFacts, resources: Resources): readonly string[] {
  const wanted = ['memory', 'pids'];
  if (resources.milliCpus !== undefined || resources.cpuShares !== undefined) wanted.push('cpu');
  if (resources.cpuset !== undefined) wanted.push('cpuset');
  // Freezing and the device filter are version 2's wherever it is mounted.
  if (facts.unified === undefined) wanted.push('freezer', 'devices');
  return facts.mode === 'unified' ? [] : wanted.filter((controller) => facts.hierarchies[controller] !== undefined);
}

function legacyLimits(at: (controller: string) => string, facts: CgroupFacts, resources: Resources): readonly Limit[] {
  const limits: Limit[] = [];
  const set = (controller: string, file: string, value: string, optional = false) => {
    if (facts.hierarchies[controller] !== undefined)
      limits.push({ path: `${at(controller)}/${file}`, value, optional });
  };
  if (resources.memoryBytes !== undefined) {
    set('memory', 'memory.limit_in_bytes', `${resources.memoryBytes}`);
    // Only there when swap is accounted for.
    set('memory', 'memory.memsw.limit_in_bytes', `${swapTotal(resources)}`, !limitsSwap(resources));
  }
  if (resources.memoryReservationBytes !== undefined)
    set('memory', 'memory.soft_limit_in_bytes', `${resources.memoryReservationBytes}`);
  if (resources.pidsLimit !== undefined) set('pids', 'pids.max', pidsMax(resources.pidsLimit));
  if (resources.cpuShares !== undefined) set('cpu', 'cpu.shares', `${resources.cpuShares}`);
  if (resources.milliCpus !== undefined) {
    set('cpu', 'cpu.cfs_period_us', `${PERIOD_US}`);
    set('cpu', 'cpu.cfs_quota_us', `${resources.milliCpus * (PERIOD_US / 1000)}`);
  }
  if (resources.cpuset !== undefined) set('cpuset', 'cpuset.cpus', resources.cpuset);
  return limits;
}

function unifiedLimits(folder: string, resources: Resources): readonly Limit[] {
  const limits: Limit[] = [];
  const set = (file: string, value: string, optional = false) =>
    limits.push({ path: `${folder}/${file}`, value, optional });
  if (resources.memoryBytes !== undefined) {
    const swap = swapTotal(resources);
    set('memory.swap.max', swap === -1 ? 'max' : `${swap - resources.memoryBytes}`, !limitsSwap(resources));
    set('memory.max', `${resources.memoryBytes}`);
  }
  if (resources.memoryReservationBytes !== undefined) set('memory.low', `${resources.memoryReservationBytes}`);
  if (resources.pidsLimit !== undefined) set('pids.max', pidsMax(resources.pidsLimit));
  if (resources.cpuShares !== undefined) set('cpu.weight', `${cpuWeight(resources.cpuShares)}`);
  if (resources.milliCpus !== undefined) set('cpu.max', `${resources.milliCpus * (PERIOD_US / 1000)} ${PERIOD_US}`);
  if (resources.cpuset !== undefined) set('cpuset.cpus', resources.cpuset);
  return limits;
}

/** Memory and swap together: twice the memory when not said, -1 without limit. */
const swapTotal = (resources: Resources): number => resources.memorySwapBytes ?? 2 * resources.memoryBytes!;

/** A limit that somebody wrote is held or refused; the one that follows from mem_limit is done without where the kernel has none. */
const limitsSwap = ({ memorySwapBytes = -1 }: Resources): boolean => memorySwapBytes !== -1;

const pidsMax = (limit: number): string => (limit <= 0 ? 'max' : `${limit}`);

/** As runc 1.3.2 and crun 1.23 map shares: 1024, the default, becomes 100, the default. */
export function cpuWeight(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/** Before the first start. The parent folders exist (cgroup-parents.ts). */
export const cgroupSetupOps = (plan: CgroupPlan): readonly LaunchOp[] => [
  ...plan.folders.map((path): LaunchOp => ({ op: 'mkdir', path, mode: 0o755, existsOk: true })),
  ...plan.limits.map(({ path, value, optional }): LaunchOp => ({ op: 'write', path, data: value, optional })),
];

/** In the child, before it leaves the host's mounts. */
export const cgroupJoinOps = (plan: CgroupPlan): readonly LaunchOp[] =>
  plan.tasks.map((path): LaunchOp => ({ op: 'write', path, data: '0' }));

/** Before clone: opens the folder to be born in. */
export const cgroupOpenOps = (plan: CgroupPlan, slot: Slot): readonly LaunchOp[] =>
  plan.unified === undefined ? [] : [{ op: 'open', slot, path: plan.unified, flags: O_PATH_DIRECTORY }];

/** O_PATH | O_DIRECTORY | O_CLOEXEC on x86_64; aarch64 numbers O_DIRECTORY differently. */
const O_PATH_DIRECTORY = 0o10000000 | 0o2000000 | (process.arch === 'arm64' ? 0o40000 : 0o200000);
