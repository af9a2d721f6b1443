/** Each limit as a file of the kernel's: which, with what value, on version 1 and on version 2; and what this host lacks, by name. */
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { legacyBlkio, unifiedBlkio } from './blkio.ts';

export interface Limit {
  readonly path: string;
  readonly value: string;
  /** As the file calls it: `mem_limit`. */
  readonly setting: string;
}

/** What can be asked of a host before a container's own folders are there. */
export interface Knobs {
  /** Undefined: there is no such controller. Else whether groups have the file. */
  has(controller: string, file: string): boolean | undefined;
  /** Of the group above the container's; '' where it cannot be read. */
  read(controller: string, file: string): string;
  /** Undefined: no such block device. */
  device(path: string): BlockDevice | undefined;
}

export interface BlockDevice {
  readonly major: number;
  readonly minor: number;
  /** `mq-deadline`, `bfq`, `none`; '' where it has none of its own. */
  readonly scheduler: string;
}

type Resources = DesiredContainer['resources'];

/** Collects limits that the host has and says what it has not. */
export interface Collector {
  readonly knobs: Knobs;
  set(setting: string, controller: string, file: string, value: string): boolean;
  warn(text: string): void;
}

export interface Limits {
  readonly limits: readonly Limit[];
  readonly warnings: readonly string[];
}

const PERIOD_US = 100_000;

export function limitsOf(
  version: 1 | 2,
  resources: Resources,
  folder: (controller: string) => string | undefined,
  knobs: Knobs,
): Limits {
  const limits: Limit[] = [];
  const warnings: string[] = [];
  const collector: Collector = {
    knobs,
    warn: (text) => warnings.push(text),
    set: (setting, controller, file, value) => {
      const at = folder(controller);
      const has = at === undefined ? undefined : knobs.has(controller, file);
      if (has) limits.push({ path: `${at}/${file}`, value, setting });
      else warnings.push(`${setting} is not set: ${lacking(controller, file, has)}`);
      return has === true;
    },
  };
  for (const part of version === 1 ? LEGACY : UNIFIED) part(resources, collector);
  return { limits, warnings };
}

const lacking = (controller: string, file: string, has: boolean | undefined): string =>
  has === undefined ? `this host has no ${controller} control group` : `this kernel has no ${file}`;

type Part = (resources: Resources, to: Collector) => void;

const legacyMemory: Part = (resources, { knobs, set, warn }) => {
  const { memoryBytes, memoryReservationBytes, memorySwappiness, oomKillDisable } = resources;
  if (memoryBytes !== undefined && set('mem_limit', 'memory', 'memory.limit_in_bytes', `${memoryBytes}`)) {
    // There only where the kernel accounts for swap.
    const file = 'memory.memsw.limit_in_bytes';
    const total = swapTotal(resources);
    if (knobs.has('memory', file) || resources.memorySwapBytes !== undefined)
      set('memswap_limit', 'memory', file, `${total}`);
    else warn('mem_limit holds memory alone: this kernel does not limit swap');
  }
  if (memoryReservationBytes !== undefined)
    set('mem_reservation', 'memory', 'memory.soft_limit_in_bytes', `${memoryReservationBytes}`);
  if (memorySwappiness !== undefined && memorySwappiness >= 0)
    set('mem_swappiness', 'memory', 'memory.swappiness', `${memorySwappiness}`);
  if (!oomKillDisable) return;
  if (set('oom_kill_disable', 'memory', 'memory.oom_control', '1') && memoryBytes === undefined)
    warn('oom_kill_disable without mem_limit can let the whole host run out of memory');
};

const unifiedMemory: Part = (resources, { knobs, set, warn }) => {
  const { memoryBytes, memoryReservationBytes, memorySwappiness, oomKillDisable } = resources;
  if (memoryBytes !== undefined) {
    const total = swapTotal(resources);
    const swap = total === -1 ? 'max' : `${total - memoryBytes}`;
    // Before the memory: what is over that limit at once may then be swapped out.
    if (knobs.has('memory', 'memory.swap.max') || resources.memorySwapBytes !== undefined)
      set('memswap_limit', 'memory', 'memory.swap.max', swap);
    else if (knobs.has('memory', 'memory.max')) warn('mem_limit holds memory alone: this kernel does not limit swap');
    set('mem_limit', 'memory', 'memory.max', `${memoryBytes}`);
  }
  if (memoryReservationBytes !== undefined) set('mem_reservation', 'memory', 'memory.low', `${memoryReservationBytes}`);
  if (memorySwappiness !== undefined && memorySwappiness >= 0) warn(`mem_swappiness is not set: ${LEGACY_ONLY}`);
  if (oomKillDisable) warn(`oom_kill_disable is not set: ${LEGACY_ONLY}`);
};

const LEGACY_ONLY = 'there is no such setting on cgroup version 2';

/** Memory and swap together: twice the memory when not said, -1 without limit. */
const swapTotal = (resources: Resources): number => resources.memorySwapBytes ?? 2 * resources.memoryBytes!;

const pids: Part = ({ pidsLimit }, { set }) => {
  if (pidsLimit !== undefined) set('pids_limit', 'pids', 'pids.max', pidsLimit <= 0 ? 'max' : `${pidsLimit}`);
};

/** Quota and period; `cpus` is a quota of the usual period. Undefined: nothing was asked for. */
function cpuTime(resources: Resources) {
  const { milliCpus, cpuQuotaUs, cpuPeriodUs } = resources;
  if (milliCpus !== undefined) {
    return { setting: 'cpus', quota: milliCpus * (PERIOD_US / 1000), period: PERIOD_US, hasQuota: true };
  }
  if (cpuQuotaUs === undefined && cpuPeriodUs === undefined) return undefined;
  const setting = cpuQuotaUs === undefined ? 'cpu_period' : 'cpu_quota';
  return { setting, quota: cpuQuotaUs ?? -1, period: cpuPeriodUs ?? PERIOD_US, hasQuota: cpuQuotaUs !== undefined };
}

const legacyCpu: Part = (resources, { set }) => {
  const { cpuShares, cpuRealtimePeriodUs, cpuRealtimeRuntimeUs } = resources;
  if (cpuShares !== undefined) set('cpu_shares', 'cpu', 'cpu.shares', `${cpuShares}`);
  const time = cpuTime(resources);
  // The period first: the quota is at least a thousandth second of it.
  if (time !== undefined) set(time.setting, 'cpu', 'cpu.cfs_period_us', `${time.period}`);
  if (time?.hasQuota) set(time.setting, 'cpu', 'cpu.cfs_quota_us', `${Math.max(time.quota, -1)}`);
  if (cpuRealtimePeriodUs !== undefined) set('cpu_rt_period', 'cpu', 'cpu.rt_period_us', `${cpuRealtimePeriodUs}`);
  if (cpuRealtimeRuntimeUs !== undefined) set('cpu_rt_runtime', 'cpu', 'cpu.rt_runtime_us', `${cpuRealtimeRuntimeUs}`);
};

const unifiedCpu: Part = (resources, { set, warn }) => {
  const { cpuShares, cpuRealtimePeriodUs, cpuRealtimeRuntimeUs } = resources;
  if (cpuShares !== undefined) set('cpu_shares', 'cpu', 'cpu.weight', `${cpuWeight(cpuShares)}`);
  const time = cpuTime(resources);
  if (time !== undefined) set(time.setting, 'cpu', 'cpu.max', `${time.quota < 0 ? 'max' : time.quota} ${time.period}`);
  if (cpuRealtimePeriodUs !== undefined) warn(`cpu_rt_period is not set: ${LEGACY_ONLY}`);
  if (cpuRealtimeRuntimeUs !== undefined) warn(`cpu_rt_runtime is not set: ${LEGACY_ONLY}`);
};

/** As runc 1.3.2 and crun 1.23 map shares: 1024, the default, becomes 100, the default. */
export function cpuWeight(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/** A group of version 1 has no processors and no memory until it is given both. */
const legacyCpuset: Part = ({ cpuset }, { knobs, set }) => {
  if (cpuset === undefined || !set('cpuset', 'cpuset', 'cpuset.cpus', cpuset)) return;
  set('cpuset', 'cpuset', 'cpuset.mems', knobs.read('cpuset', 'cpuset.mems') || '0');
};

const unifiedCpuset: Part = ({ cpuset }, { set }) => {
  if (cpuset !== undefined) set('cpuset', 'cpuset', 'cpuset.cpus', cpuset);
};

const LEGACY: readonly Part[] = [legacyMemory, pids, legacyCpu, legacyCpuset, legacyBlkio];
const UNIFIED: readonly Part[] = [unifiedMemory, pids, unifiedCpu, unifiedCpuset, unifiedBlkio];
