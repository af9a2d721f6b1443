/** What is told of a running container: what it uses, and its processes. */
import { beforeEach, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { eventually } from '../../helpers/eventually.ts';
import { aContainer, ended, runContainers } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();
type Resources = Partial<DesiredContainer['resources']>;

const MIB = 2 ** 20;
let count = 0;
let name = '';
beforeEach(() => {
  name = `s-${++count}`;
});
const start = (resources: Resources, changes: Partial<DesiredContainer> = {}) =>
  runContainers(stage.engine, [
    aContainer(stage.image, name, { resources: { shmSizeBytes: MIB, ...resources }, ...changes }),
  ]);

test('of a busy container: processor time, memory without the page cache, processes', async () => {
  await start(
    { milliCpus: 500, memoryBytes: 64 * MIB },
    { argv: ['sh', '-c', 'dd if=/dev/zero of=/big bs=1M count=30; sleep 1000 & while :; do :; done'] },
  );
  await eventually(async () => expect((await stage.engine.containers.stats(name))!.pids).toBe(2));
  const before = (await stage.engine.containers.stats(name))!;
  await new Promise((resolve) => setTimeout(resolve, 600));
  const after = (await stage.engine.containers.stats(name))!;
  const share = (after.cpuUs - before.cpuUs) / 1000 / (after.atMs - before.atMs);
  // Half a processor is all it may have; a busy machine may give it less.
  expect(share).toBeGreaterThan(0.02);
  expect(share).toBeLessThan(0.75);
  expect(after.memoryLimitBytes).toBe(64 * MIB);
  // 30 MiB of a file it wrote are cache; dirty pages count until they are written.
  await eventually(
    async () => expect((await stage.engine.containers.stats(name))!.memoryBytes).toBeLessThan(30 * MIB),
    60_000,
  );
  expect(after.memoryBytes).toBeGreaterThan(0);
});

test('processes are those of the container, its first one first, in this host’s words', async () => {
  await start({}, { argv: ['sh', '-c', 'sleep 1234 & exec sleep 4321'], user: 'web' });
  await eventually(async () => expect(await stage.engine.containers.processes(name)).toHaveLength(2));
  const [first, second] = await stage.engine.containers.processes(name);
  expect(first).toMatchObject({
    pid: (await stage.engine.containers.find(name))!.pid,
    command: 'sleep 4321',
    terminal: '?',
  });
  expect(second).toMatchObject({ parent: first!.pid, command: 'sleep 1234' });
  expect(Math.abs(Date.now() - first!.startedAtMs)).toBeLessThan(60_000);
});

test('of one that does not run there are none', async () => {
  await start({}, { argv: ['true'] });
  await ended(stage.engine, name);
  await eventually(async () => expect(await stage.engine.containers.stats(name)).toBeUndefined());
  await expect(stage.engine.containers.processes(name)).rejects.toThrow(`container ${name} is not running`);
});
