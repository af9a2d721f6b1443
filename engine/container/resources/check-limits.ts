/** Limits that cannot be, said before anything is touched: sizes, ranges, processors, devices, places. */
import type { DesiredBlkio, DesiredContainer } from '../../../src/model/desired.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import { blockDevice, onlineCpus } from './knobs.ts';

const MIB = 2 ** 20;
const LEAST_MEMORY = 6 * MIB;

export interface LimitFacts {
  /** As many as the host has. */
  readonly processors: number;
  /** `0-3,8`; absent: asked of the kernel. */
  readonly cpuList?: string;
  /** Those that there are control groups of. */
  readonly controllers: readonly string[];
}

/** Message and help. */
type Problem = readonly [message: string, help: string] | undefined;

export function limitsProblem(container: DesiredContainer, facts: LimitFacts): TcomposeError | undefined {
  const { resources } = container;
  const problem =
    memoryProblem(resources) ??
    cpuProblem(resources, facts) ??
    cpusetProblem(resources.cpuset, facts.cpuList ?? onlineCpus()) ??
    (resources.blkio && blkioProblem(resources.blkio)) ??
    parentProblem(container.cgroupParent);
  if (problem === undefined) return undefined;
  const [message, help] = problem;
  return new TcomposeError(message, { code: 'limit-impossible', address: `container/${container.name}`, help });
}

type Resources = DesiredContainer['resources'];

function memoryProblem(resources: Resources): Problem {
  const { memoryBytes, memorySwapBytes = -1, memoryReservationBytes, memorySwappiness = -1 } = resources;
  if (memoryBytes !== undefined && memoryBytes < LEAST_MEMORY)
    return [`a memory limit of ${memoryBytes} bytes is too small`, 'minimum memory limit allowed is 6MB'];
  if (memoryReservationBytes !== undefined && memoryReservationBytes < LEAST_MEMORY)
    return [`a mem_reservation of ${memoryReservationBytes} bytes is too small`, 'minimum memory reservation is 6MB'];
  if (memorySwapBytes !== -1 && memoryBytes === undefined)
    return [
      'memswap_limit is there without mem_limit',
      'it counts memory and swap together: give both, or leave it out',
    ];
  if (memorySwapBytes !== -1 && memorySwapBytes < memoryBytes!)
    return ['memswap_limit is smaller than mem_limit', 'it counts memory and swap together: raise it, or leave it out'];
  if (memoryReservationBytes !== undefined && memoryBytes !== undefined && memoryReservationBytes > memoryBytes)
    return ['the memory reservation is larger than the memory limit', 'lower mem_reservation or raise mem_limit'];
  return outside('mem_swappiness', memorySwappiness, -1, 100, '0 to 100');
}

function cpuProblem(resources: Resources, { processors, controllers }: LimitFacts): Problem {
  const { milliCpus, cpuShares, cpuPeriodUs, cpuQuotaUs } = resources;
  const { cpuRealtimeRuntimeUs: runtime = 0, cpuRealtimePeriodUs: period = 1_000_000 } = resources;
  if (milliCpus !== undefined && (milliCpus < 10 || milliCpus > processors * 1000))
    return [`this host cannot give ${milliCpus / 1000} CPUs`, `range of CPUs is from 0.01 to ${processors}.00`];
  // A number of CPUs is a promise that Docker too does not break with a warning only.
  if (milliCpus !== undefined && !controllers.includes('cpu'))
    return ['this host has no cpu control group to hold cpus', 'see what it has:\n    tcompose system doctor'];
  if (runtime > period)
    return [
      `cpu_rt_runtime ${runtime} is longer than cpu_rt_period ${period}`,
      'both are microseconds; lower the first',
    ];
  return (
    outside('cpu_shares', cpuShares, 2, 262_144) ??
    outside('cpu_period', cpuPeriodUs, 1000, 1_000_000, '1000 to 1000000 microseconds') ??
    (cpuQuotaUs !== undefined && cpuQuotaUs < 0
      ? undefined
      : outside('cpu_quota', cpuQuotaUs, 1000, Number.MAX_SAFE_INTEGER, '1000 microseconds or more'))
  );
}

function cpusetProblem(cpuset: string | undefined, online: string): Problem {
  if (cpuset === undefined) return undefined;
  const wanted = parseCpuList(cpuset);
  if (wanted === undefined) return [`cpuset "${cpuset}" is no list of processors`, 'write it as 0-2,4'];
  const has = parseCpuList(online) ?? new Set();
  const missing = [...wanted].filter((cpu) => !has.has(cpu));
  return missing.length === 0
    ? undefined
    : [`cpuset names processors that are not there: ${missing.join(', ')}`, `this host has ${online}`];
}

const MOST_CPUS = 8192;

/** cpuset(7), list format. */
export function parseCpuList(text: string): ReadonlySet<number> | undefined {
  const cpus = new Set<number>();
  for (const part of text.split(',')) {
    const [, first, last = first] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    if (first === undefined || Number(last) < Number(first) || Number(last) >= MOST_CPUS) return undefined;
    for (let cpu = Number(first); cpu <= Number(last); cpu += 1) cpus.add(cpu);
  }
  return cpus;
}

function blkioProblem(blkio: DesiredBlkio): Problem {
  const throttles = [...blkio.readBps, ...blkio.readIops, ...blkio.writeBps, ...blkio.writeIops];
  const weights = [
    { where: 'blkio_config.weight', weight: blkio.weight },
    ...blkio.weightDevices.map(({ path, weight }) => ({ where: `the blkio weight of ${path}`, weight })),
  ];
  for (const { where, weight } of weights) {
    const problem = outside(where, weight, 10, 1000);
    if (problem !== undefined) return problem;
  }
  const slow = throttles.find(({ rate }) => !(rate > 0));
  if (slow !== undefined)
    return [
      `a rate of ${slow.rate} on ${slow.path} would let nothing through`,
      'leave it out, or give it a rate above 0',
    ];
  const missing = [...blkio.weightDevices, ...throttles].find(({ path }) => blockDevice(path) === undefined);
  return missing && [`${missing.path} in blkio_config is no block device`, 'name a disk: lsblk lists them'];
}

function parentProblem(parent: string | undefined): Problem {
  if (parent === undefined) return undefined;
  const isFine = /^[^\0\n]+$/.test(parent) && !parent.split('/').some((part) => part === '..' || part === '.');
  return isFine
    ? undefined
    : [`cgroup_parent "${parent}" is no path of a control group`, 'write it as my-group/of-mine'];
}

function outside(
  what: string,
  value: number | undefined,
  least: number,
  most: number,
  range = `${least} to ${most}`,
): Problem {
  if (value === undefined || (value >= least && value <= most)) return undefined;
  return [`${what} ${value} is out of range`, `it may be ${range}`];
}
