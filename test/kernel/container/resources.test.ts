/** Limits as the kernel holds them: read back from its own files, on version 1, version 2 and the hybrid of both; and felt inside. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readHostFacts } from '../../../engine/container/host-facts.ts';
import { cgroupPlace } from '../../../engine/container/resources/cgroup.ts';
import { findInstance } from '../../../engine/state/instance.ts';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { eventually } from '../../helpers/eventually.ts';
import { aContainer, ended, runContainers } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();
type Resources = Partial<DesiredContainer['resources']>;

const { cgroups } = readHostFacts();
const isUnified = cgroups.mode === 'unified';
const MIB = 2 ** 20;
let count = 0;
let name = '';
beforeEach(() => {
  name = `r-${++count}`;
});
const removeAll = async () => {
  const all = (await stage.engine.snapshot()).containers.map((live) => live.name);
  await stage.engine.containers.remove(all, { anonymousVolumes: true });
};

/** Starts it, and gives the warnings. */
async function start(resources: Resources, changes: Partial<DesiredContainer> = {}): Promise<readonly string[]> {
  const container = aContainer(stage.image, name, { resources: { shmSizeBytes: MIB, ...resources }, ...changes });
  for (const error of (await stage.engine.containers.create([{ container }])).failed.values()) throw error;
  const { failed, warnings } = await stage.engine.containers.start([name]);
  for (const error of failed.values()) throw error;
  return warnings.get(name) ?? [];
}

const folders = async () =>
  cgroupPlace(cgroups, findInstance(stage.instance)!, (await stage.engine.containers.find(name))!).folders;

/** Of whichever hierarchy has the file. */
async function read(file: string): Promise<string | undefined> {
  const path = (await folders()).map((folder) => `${folder}/${file}`).find(existsSync);
  return path === undefined ? undefined : readFileSync(path, 'utf8').trim();
}

/** File → content; for each version its own. */
const expectFiles = async (legacy: Readonly<Record<string, string>>, unified: Readonly<Record<string, string>>) => {
  const expected = isUnified ? unified : legacy;
  const found = await Promise.all(Object.keys(expected).map(async (file) => [file, await read(file)]));
  expect(Object.fromEntries(found)).toEqual(expected);
};

const has = (file: string): boolean =>
  [cgroups.unified, ...Object.values(cgroups.hierarchies)].some((point) => {
    const children =
      point === undefined
        ? ''
        : execFileSync('find', [point, '-mindepth', '2', '-maxdepth', '2', '-name', file, '-print', '-quit']);
    return String(children) !== '';
  });

describe('a limit is in the kernel', () => {
  test('memory, its reservation, and swap', async () => {
    const warnings = await start({
      memoryBytes: 64 * MIB,
      memoryReservationBytes: 32 * MIB,
      memorySwapBytes: 96 * MIB,
    });
    expect(warnings).toEqual([]);
    await expectFiles(
      {
        'memory.limit_in_bytes': `${64 * MIB}`,
        'memory.memsw.limit_in_bytes': `${96 * MIB}`,
        'memory.soft_limit_in_bytes': `${32 * MIB}`,
      },
      { 'memory.max': `${64 * MIB}`, 'memory.swap.max': `${32 * MIB}`, 'memory.low': `${32 * MIB}` },
    );
  });

  test('swap: as much again as memory when nothing was said, none, or any', async () => {
    const swaps: [number | undefined, string, string][] = [
      [undefined, `${128 * MIB}`, `${64 * MIB}`],
      [64 * MIB, `${64 * MIB}`, '0'],
      [-1, '9223372036854771712', 'max'],
    ];
    for (const [memorySwapBytes, legacy, unified] of swaps) {
      name = `r-${++count}`;
      await start({ memoryBytes: 64 * MIB, ...(memorySwapBytes === undefined ? {} : { memorySwapBytes }) });
      await expectFiles({ 'memory.memsw.limit_in_bytes': legacy }, { 'memory.swap.max': unified });
    }
  });

  test('processors: a number of them, a quota in a period, shares, and which', async () => {
    await start({ milliCpus: 250, cpuShares: 512, cpuset: '0' });
    await expectFiles(
      { 'cpu.cfs_quota_us': '25000', 'cpu.cfs_period_us': '100000', 'cpu.shares': '512', 'cpuset.cpus': '0' },
      { 'cpu.max': '25000 100000', 'cpu.weight': '59', 'cpuset.cpus': '0' },
    );
    name = `r-${++count}`;
    await start({ cpuQuotaUs: 5000, cpuPeriodUs: 20_000 });
    await expectFiles({ 'cpu.cfs_quota_us': '5000', 'cpu.cfs_period_us': '20000' }, { 'cpu.max': '5000 20000' });
  });

  test('processes, and none at all', async () => {
    await start({ pidsLimit: 33 });
    await expectFiles({ 'pids.max': '33' }, { 'pids.max': '33' });
    name = `r-${++count}`;
    await start({ pidsLimit: -1 });
    await expectFiles({ 'pids.max': 'max' }, { 'pids.max': 'max' });
  });

  test('what only version 1 has is set there, and elsewhere done without and said by name', async () => {
    const warnings = await start({ memoryBytes: 64 * MIB, memorySwappiness: 10, oomKillDisable: true });
    await expectFiles({ 'memory.swappiness': '10' }, {});
    if (!isUnified) expect(await read('memory.oom_control')).toContain('oom_kill_disable 1');
    expect(warnings).toEqual(
      isUnified
        ? ['mem_swappiness', 'oom_kill_disable'].map(
            (what) => `${what} is not set: there is no such setting on cgroup version 2`,
          )
        : [],
    );
  });

  test('real time comes out of the budget of the group above, and more than that is refused by name', async (ctx) => {
    const budget = `${cgroups.hierarchies['cpu']}/cpu.rt_runtime_us`;
    if (isUnified || !existsSync(budget)) {
      const warnings = await start({ cpuRealtimeRuntimeUs: 10_000 });
      expect(warnings).toEqual([expect.stringMatching(/^cpu_rt_runtime is not set: /)]);
      return;
    }
    const before = readFileSync(budget, 'utf8');
    try {
      writeFileSync(budget, '20000');
    } catch {
      return ctx.skip('needs a budget of real time for the private host');
    }
    try {
      await start({ cpuRealtimeRuntimeUs: 10_000 });
      expect(await read('cpu.rt_runtime_us')).toBe('10000');
      name = `r-${++count}`;
      await expect(start({ cpuRealtimeRuntimeUs: 900_000 })).rejects.toThrow(
        /the kernel refuses cpu_rt_runtime 900000/,
      );
    } finally {
      await removeAll();
      // Groups that were removed count until the kernel has forgotten them.
      await eventually(() => writeFileSync(budget, before.trim()));
    }
  });
});

describe('disks', () => {
  /** A loop device of our own, so that no other's disk is slowed down. */
  let disk: string | undefined;
  beforeAll(() => {
    const file = `${stage.instance.root}-disk`;
    try {
      writeFileSync(file, Buffer.alloc(MIB));
      disk = execFileSync('losetup', ['--find', '--show', file], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    } catch {
      disk = statSync('/dev/vda', { throwIfNoEntry: false })?.isBlockDevice() ? '/dev/vda' : undefined;
    }
  });
  afterAll(() => {
    if (disk?.startsWith('/dev/loop')) execFileSync('losetup', ['--detach', disk]);
  });
  const blkio = (changes: Partial<DesiredContainer['resources']['blkio']>): Resources => ({
    blkio: { weightDevices: [], readBps: [], readIops: [], writeBps: [], writeIops: [], ...changes },
  });

  test('throttles go by the number of the device', async (ctx) => {
    if (disk === undefined) return ctx.skip('needs a block device');
    const { rdev } = statSync(disk);
    const number = `${rdev >> 8}:${rdev & 0xff}`;
    const rates = { readBps: 2 * MIB, writeBps: MIB, readIops: 200, writeIops: 100 };
    const lists = Object.fromEntries(Object.entries(rates).map(([key, rate]) => [key, [{ path: disk!, rate }]]));
    expect(await start(blkio(lists))).toEqual([]);
    await expectFiles(
      {
        'blkio.throttle.read_bps_device': `${number} ${2 * MIB}`,
        'blkio.throttle.write_bps_device': `${number} ${MIB}`,
        'blkio.throttle.read_iops_device': `${number} 200`,
        'blkio.throttle.write_iops_device': `${number} 100`,
      },
      { 'io.max': `${number} rbps=${2 * MIB} wbps=${MIB} riops=200 wiops=100` },
    );
  });

  test('a weight is set where the kernel knows one, and that it has no effect is said', async () => {
    const warnings = await start(blkio({ weight: 300 }));
    const files = isUnified ? ['io.bfq.weight', 'io.weight'] : ['blkio.weight', 'blkio.bfq.weight'];
    const file = files.find(has);
    if (file === undefined)
      expect(warnings).toEqual([expect.stringMatching(/^blkio_config.weight is not set: this kernel has no/)]);
    else expect(await read(file)).toMatch(file === 'io.weight' ? /\b2930\b/ : /\b300\b/);
    if (file?.includes('bfq'))
      expect(warnings.every((text) => text.startsWith('blkio_config.weight has no effect'))).toBe(true);
  });
});

describe('cgroup_parent', () => {
  test('is made, holds the container with its limits, and goes with the last of them', async () => {
    const cgroupParent = '/tcompose-test-batch/night';
    await start({ pidsLimit: 44, memoryBytes: 64 * MIB, cpuset: '0' }, { cgroupParent });
    const [folder = ''] = await folders();
    expect(folder).toContain('/tcompose-test-batch/night/tcompose-');
    const { pid } = (await stage.engine.containers.find(name))!;
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain('/tcompose-test-batch/night/');
    expect(await read('pids.max')).toBe('44');
    await stage.engine.containers.remove([name], { anonymousVolumes: true });
    expect(existsSync(folder.slice(0, folder.indexOf('/night')))).toBe(false);
  });

  test('one that somebody else made stays', async () => {
    const point = cgroups.unified ?? cgroups.hierarchies['memory']!;
    const theirs = `${point}/tcompose-test-theirs`;
    mkdirSync(theirs);
    try {
      await start({}, { cgroupParent: 'tcompose-test-theirs' });
      await stage.engine.containers.remove([name], { anonymousVolumes: true });
      expect(existsSync(theirs)).toBe(true);
    } finally {
      rmdirSync(theirs);
    }
  });
});

describe('inside', () => {
  test('a memory hog is killed alone: its neighbour runs on, and what happened is shown while its own parent runs', async () => {
    await runContainers(stage.engine, [aContainer(stage.image, `${name}-neighbour`)]);
    const hog = 'dd if=/dev/zero of=/dev/null bs=300M count=1; echo hog $?; sleep 1000';
    await start({ memoryBytes: 32 * MIB, memorySwapBytes: 32 * MIB }, { argv: ['sh', '-c', hog] });
    await eventually(async () =>
      expect((await stage.engine.containers.find(name))!).toMatchObject({ status: 'running', oomKilled: true }),
    );
    expect(await stage.engine.containers.find(`${name}-neighbour`)).toMatchObject({
      status: 'running',
      oomKilled: false,
    });
  });

  test('as its first process it ends with 137, and that is why', async () => {
    await start(
      { memoryBytes: 32 * MIB, memorySwapBytes: 32 * MIB },
      { argv: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=300M', 'count=1'] },
    );
    expect(await ended(stage.engine, name)).toBe(137);
    expect(await stage.engine.containers.find(name)).toMatchObject({ oomKilled: true, exitCode: 137 });
    await stage.engine.containers.start([name]);
  });

  test('a fork bomb is held by pids_limit, and can be stopped', async () => {
    const bomb = 'bomb() { bomb | bomb & }; (bomb; while :; do sleep 0.1; done) & exec sleep 1000';
    await start({ pidsLimit: 30 }, { argv: ['sh', '-c', bomb], log: { driver: 'none', options: {} } });
    await eventually(async () => expect((await stage.engine.containers.stats(name))!.pids).toBeGreaterThan(15));
    const seen: number[] = [];
    for (let look = 0; look < 5; look += 1) {
      seen.push((await stage.engine.containers.stats(name))!.pids);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(Math.max(...seen)).toBeLessThanOrEqual(30);
    expect((await stage.engine.containers.stop([name])).failed.size).toBe(0);
    expect(await folders().then((all) => all.filter(existsSync))).toEqual([]);
  });
});
