/** Control groups as data: which folders, which files with which values, and what is told of a host that lacks one. */
import { describe, expect, test } from 'vitest';
import { ioWeight } from '../../../engine/container/resources/blkio.ts';
import { cgroupJoinOps, cgroupPlan, parentOf } from '../../../engine/container/resources/cgroup.ts';
import { parseCgroupFacts } from '../../../engine/container/resources/cgroup-facts.ts';
import { cpuWeight, type Knobs } from '../../../engine/container/resources/cgroup-limits.ts';
import { limitsProblem, parseCpuList } from '../../../engine/container/resources/check-limits.ts';
import type { DesiredContainer } from '../../../src/model/desired.ts';

type Resources = Partial<DesiredContainer['resources']>;

const hybrid = parseCgroupFacts(
  [
    '31 24 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw',
    '32 31 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct',
    '33 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '34 31 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids',
    '36 31 0:32 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio',
    '35 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
  ].join('\n'),
);
const unified = {
  ...parseCgroupFacts('31 24 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate'),
  controllers: ['memory', 'pids', 'cpu', 'cpuset', 'io'],
};
const disk = { major: 254, minor: 16, scheduler: 'bfq' };
/** A kernel that has everything; `without`: files that it lacks. */
const knobs = (without: readonly string[] = [], scheduler = 'bfq'): Knobs => ({
  has: (_, file) => !without.includes(file),
  read: () => '0-1',
  device: (path) => (path === '*' && scheduler !== 'bfq' ? undefined : { ...disk, scheduler }),
});
const planOf = (facts: typeof hybrid, resources: Resources, has: Knobs = knobs(), cgroupParent?: string) =>
  cgroupPlan(
    facts,
    'ab12',
    {
      id: 'id',
      madeFrom: {
        resources: { shmSizeBytes: 0, ...resources },
        ...(cgroupParent === undefined ? {} : { cgroupParent }),
      },
    },
    has,
  );
const files = (facts: typeof hybrid, resources: Resources, has?: Knobs) =>
  planOf(facts, resources, has).limits.map(({ path, value }) => `${path.split('/').at(-1)}=${value}`);
const warnings = (facts: typeof hybrid, resources: Resources, has?: Knobs) => planOf(facts, resources, has).warnings;

const usual = { memoryBytes: 2 ** 26, milliCpus: 1500, pidsLimit: 50 };
const weighed: Resources = {
  blkio: {
    weight: 300,
    weightDevices: [{ path: '/dev/vdb', weight: 500 }],
    readBps: [{ path: '/dev/vdb', rate: 1000 }],
    readIops: [],
    writeBps: [],
    writeIops: [{ path: '/dev/vdb', rate: 7 }],
  },
};

test('the mode is read from what is mounted', () => {
  expect([hybrid.mode, unified.mode, parseCgroupFacts('').mode]).toEqual(['hybrid', 'unified', 'none']);
});

describe('folders', () => {
  test('on a hybrid host limits go to version 1 and birth to version 2', () => {
    const plan = planOf(hybrid, usual);
    expect(plan.folders).toEqual(
      ['unified', 'memory', 'pids', 'blkio', 'cpu'].map((name) => `/sys/fs/cgroup/${name}/tcompose-ab12/id`),
    );
    expect(cgroupJoinOps(plan).map((op) => op.op === 'write' && op.path.endsWith('/tasks') && op.data)).toEqual(
      Array(4).fill('0'),
    );
  });
  test('hierarchies without a limit in them are not joined, but those that count', () => {
    expect(planOf(hybrid, {}).folders).toHaveLength(4);
  });
  test('below a cgroup_parent the name says whose it is, and the path stays below the mount point', () => {
    expect(planOf(unified, {}, knobs(), '/batch.slice//night/').unified).toBe(
      '/sys/fs/cgroup/batch.slice/night/tcompose-ab12-id',
    );
    expect(parentOf('ab12', { resources: { shmSizeBytes: 0 }, cgroupParent: '/' })).toBe('tcompose-ab12');
  });
});

describe('limits', () => {
  test('version 1', () => {
    expect(files(hybrid, usual)).toEqual([
      'memory.limit_in_bytes=67108864',
      'memory.memsw.limit_in_bytes=134217728',
      'pids.max=50',
      'cpu.cfs_period_us=100000',
      'cpu.cfs_quota_us=150000',
    ]);
    expect(files(hybrid, { cpuQuotaUs: -1, cpuPeriodUs: 50_000, cpuShares: 512, cpuRealtimeRuntimeUs: 9 })).toEqual([
      'cpu.shares=512',
      'cpu.cfs_period_us=50000',
      'cpu.cfs_quota_us=-1',
      'cpu.rt_runtime_us=9',
    ]);
    expect(
      files(hybrid, { memoryBytes: 2 ** 26, memorySwapBytes: -1, memorySwappiness: 0, oomKillDisable: true }),
    ).toEqual([
      'memory.limit_in_bytes=67108864',
      'memory.memsw.limit_in_bytes=-1',
      'memory.swappiness=0',
      'memory.oom_control=1',
    ]);
  });
  test('version 2', () => {
    expect(files(unified, usual)).toEqual([
      'memory.swap.max=67108864',
      'memory.max=67108864',
      'pids.max=50',
      'cpu.max=150000 100000',
    ]);
    expect(files(unified, { cpuPeriodUs: 50_000, cpuset: '0,1', cpuShares: 1024 })).toEqual([
      'cpu.weight=100',
      'cpu.max=max 50000',
      'cpuset.cpus=0,1',
    ]);
    expect(files(unified, { memoryBytes: 2 ** 26, memorySwapBytes: 2 ** 26, memoryReservationBytes: 2 ** 25 })).toEqual(
      ['memory.swap.max=0', 'memory.max=67108864', 'memory.low=33554432'],
    );
    expect(files(unified, { memoryBytes: 2 ** 26, memorySwapBytes: -1, pidsLimit: -1 })).toEqual([
      'memory.swap.max=max',
      'memory.max=67108864',
      'pids.max=max',
    ]);
  });
  test('disks go by number: bfq where the kernel has it, io.weight where not', () => {
    expect(files(hybrid, weighed)).toEqual(
      [
        'blkio.bfq.weight=300',
        'blkio.bfq.weight_device=254:16 500',
        'blkio.throttle.read_bps_device=254:16 1000',
        'blkio.throttle.write_iops_device=254:16 7',
      ].map((line) => (line.includes('weight') ? line.replace('bfq.', '') : line)),
    );
    expect(files(hybrid, weighed, knobs(['blkio.weight']))[0]).toBe('blkio.bfq.weight=300');
    expect(files(unified, weighed)).toEqual([
      'io.bfq.weight=300',
      'io.bfq.weight=254:16 500',
      'io.max=254:16 rbps=1000',
      'io.max=254:16 wiops=7',
    ]);
    expect(files(unified, weighed, knobs(['io.bfq.weight'])).slice(0, 2)).toEqual([
      'io.weight=2930',
      'io.weight=254:16 4950',
    ]);
    expect([10, 100, 300, 500, 1000].map(ioWeight)).toEqual([1, 910, 2930, 4950, 10_000]);
  });
  test('shares become weights as others map them', () => {
    expect([2, 102, 256, 512, 1024, 2048, 262144].map(cpuWeight)).toEqual([1, 17, 35, 59, 100, 174, 10000]);
  });
});

describe('what a host lacks is said by name', () => {
  test('a controller, a file, and what version 2 never had', () => {
    const nothing: Knobs = { ...knobs(), has: () => undefined };
    expect(warnings(unified, { pidsLimit: 5 }, nothing)).toEqual([
      'pids_limit is not set: this host has no pids control group',
    ]);
    expect(warnings(hybrid, { cpuset: '0' })).toEqual(['cpuset is not set: this host has no cpuset control group']);
    expect(warnings(hybrid, { cpuRealtimeRuntimeUs: 5 }, knobs(['cpu.rt_runtime_us']))).toEqual([
      'cpu_rt_runtime is not set: this kernel has no cpu.rt_runtime_us',
    ]);
    expect(
      warnings(unified, { memorySwappiness: 5, oomKillDisable: true, cpuRealtimePeriodUs: 1, cpuRealtimeRuntimeUs: 1 }),
    ).toEqual(
      ['mem_swappiness', 'oom_kill_disable', 'cpu_rt_period', 'cpu_rt_runtime'].map(
        (name) => `${name} is not set: there is no such setting on cgroup version 2`,
      ),
    );
  });
  test('swap: a limit that somebody wrote, or one that only follows from mem_limit', () => {
    for (const [facts, file] of [
      [hybrid, 'memory.memsw.limit_in_bytes'],
      [unified, 'memory.swap.max'],
    ] as const) {
      const without = knobs([file]);
      expect(warnings(facts, { memoryBytes: 2 ** 26 }, without)).toEqual([
        'mem_limit holds memory alone: this kernel does not limit swap',
      ]);
      expect(warnings(facts, { memoryBytes: 2 ** 26, memorySwapBytes: 2 ** 26 }, without)).toEqual([
        `memswap_limit is not set: this kernel has no ${file}`,
      ]);
    }
  });
  test('weights without a disk that heeds them; a killer turned off without a limit', () => {
    const without = knobs(['blkio.weight'], 'mq-deadline');
    expect(warnings(hybrid, weighed, without)).toEqual([
      'blkio_config.weight has no effect: no disk of this host is scheduled by bfq',
      'blkio_config.weight_device is not set: /dev/vdb is not scheduled by bfq but by mq-deadline',
    ]);
    expect(files(hybrid, weighed, without)).not.toContainEqual(expect.stringContaining('weight_device'));
    expect(warnings(hybrid, { oomKillDisable: true })).toHaveLength(1);
  });
});

describe('what cannot be is refused with its range', () => {
  const problem = (resources: Resources, cgroupParent?: string) => {
    const container = {
      name: 'web-1',
      mounts: [],
      resources: { shmSizeBytes: 0, ...resources },
      ...(cgroupParent === undefined ? {} : { cgroupParent }),
    } as unknown as DesiredContainer;
    const found = limitsProblem(container, { processors: 2, cpuList: '0-1', controllers: ['cpu'] });
    return found && `${found.message}; ${found.help}`;
  };
  const throttled = (path: string, rate: number): Resources => ({
    blkio: { weightDevices: [], readBps: [{ path, rate }], readIops: [], writeBps: [], writeIops: [] },
  });
  test.each<[string, Resources, string | undefined, RegExp]>([
    ['little memory', { memoryBytes: 1000 }, undefined, /minimum memory limit allowed is 6MB/],
    ['a small reservation', { memoryReservationBytes: 1000 }, undefined, /minimum memory reservation is 6MB/],
    ['swap alone', { memorySwapBytes: 2 ** 26 }, undefined, /memswap_limit is there without mem_limit/],
    ['less swap than memory', { memoryBytes: 2 ** 26, memorySwapBytes: 2 ** 25 }, undefined, /smaller than mem_limit/],
    ['swappiness', { memorySwappiness: 101 }, undefined, /mem_swappiness 101 is out of range; it may be 0 to 100/],
    ['CPUs', { milliCpus: 2500 }, undefined, /cannot give 2.5 CPUs; range of CPUs is from 0.01 to 2.00/],
    ['shares', { cpuShares: 1 }, undefined, /cpu_shares 1 is out of range; it may be 2 to 262144/],
    ['a period', { cpuPeriodUs: 10 }, undefined, /cpu_period 10 .* 1000 to 1000000 microseconds/],
    ['a quota', { cpuQuotaUs: 10 }, undefined, /cpu_quota 10 .* 1000 microseconds or more/],
    ['real time', { cpuRealtimeRuntimeUs: 11, cpuRealtimePeriodUs: 10 }, undefined, /cpu_rt_runtime 11 is longer/],
    ['processors', { cpuset: '0-3' }, undefined, /processors that are not there: 2, 3; this host has 0-1/],
    ['a list', { cpuset: '0-' }, undefined, /cpuset "0-" is no list of processors/],
    ['a weight', { blkio: { ...throttled('/dev/null', 1).blkio!, weight: 5 } }, undefined, /weight 5 .* 10 to 1000/],
    ['a rate', throttled('/dev/null', 0), undefined, /would let nothing through/],
    ['a device', throttled('/dev/null', 5), undefined, /\/dev\/null in blkio_config is no block device/],
    ['a place', {}, '../../etc', /no path of a control group/],
  ])('%s', (_, resources, parent, message) => {
    expect(problem(resources, parent)).toMatch(message);
  });
  test('what Docker takes is taken', () => {
    for (const resources of [{ cpuQuotaUs: -1 }, { memorySwapBytes: -1 }, { memorySwappiness: -1 }, { pidsLimit: -1 }])
      expect(problem(resources)).toBeUndefined();
    expect(problem({ cpuset: '1' }, 'batch.slice/a')).toBeUndefined();
  });
  test('lists of processors', () => {
    expect([...(parseCpuList('0-2,5') ?? [])]).toEqual([0, 1, 2, 5]);
    for (const bad of ['', 'a', '2-1', '0-9999']) expect(parseCpuList(bad), bad).toBeUndefined();
  });
});
