/** Pausing: all processes stand still, and whatever is done with the container meanwhile goes the way it does under Docker. */
import { readFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import type { ContainerChange } from '../../../src/model/engine.ts';
import { eventually } from '../../helpers/eventually.ts';
import { aContainer, execIn, runContainers } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();
let count = 0;
let name = '';
beforeEach(() => {
  name = `p-${++count}`;
});

const COUNTING = ['sh', '-c', 'trap "echo bye; exit 7" TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done'];
const run = (changes: Partial<DesiredContainer> = {}) =>
  runContainers(stage.engine, [
    aContainer(stage.image, name, { argv: COUNTING, stop: { signal: 'SIGTERM', graceMs: 5000 }, ...changes }),
  ]);
const live = async () => (await stage.engine.containers.find(name))!;
const lines = async () => {
  const found: string[] = [];
  for await (const { text } of stage.engine.containers.logs(name, { follow: false })) found.push(text.toString());
  return found;
};
const must = async (result: Promise<{ failed: ReadonlyMap<string, Error> }>) => {
  for (const error of (await result).failed.values()) throw error;
};
const pause = () => must(stage.engine.containers.pause([name]));
const unpause = () => must(stage.engine.containers.unpause([name]));
const talks = () => eventually(async () => expect((await lines()).length).toBeGreaterThan(2));

test('a paused container does nothing until it goes on from there, and twice is once', async () => {
  await run();
  await talks();
  await pause();
  await pause();
  expect(await live()).toMatchObject({ status: 'paused', damage: [] });
  const before = await lines();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await lines()).toEqual(before);
  await unpause();
  await unpause();
  expect((await live()).status).toBe('running');
  await eventually(async () => expect((await lines()).length).toBeGreaterThan(before.length));
  // None is left out: it went on where it stood.
  const all = (await lines()).map(Number);
  expect(all).toEqual(all.map((_, index) => index + 1));
});

test('what watches it is told', async () => {
  await run();
  const seen: ContainerChange['status'][] = [];
  const stop = new AbortController();
  const watching = (async () => {
    for await (const { status } of stage.engine.containers.watch(name, stop.signal)) {
      seen.push(status);
      if (seen.length === 3) stop.abort();
    }
  })();
  await eventually(() => expect(seen).toEqual(['running']));
  await pause();
  await eventually(() => expect(seen).toEqual(['running', 'paused']));
  await unpause();
  await watching;
  expect(seen).toEqual(['running', 'paused', 'running']);
});

test('its program hears the stop signal, since a stop thaws it', async () => {
  await run();
  await talks();
  await pause();
  await must(stage.engine.containers.stop([name]));
  expect(await live()).toMatchObject({ status: 'exited', exitCode: 7 });
  expect((await lines()).at(-1)).toBe('bye');
});

test('SIGKILL ends it, a signal that it may handle waits until it goes on', async () => {
  await run({ argv: ['sh', '-c', 'trap "echo hup" HUP; while :; do sleep 0.02; done'] });
  await pause();
  await stage.engine.containers.kill(name, 'HUP');
  expect((await live()).status).toBe('paused');
  expect(await lines()).toEqual([]);
  await unpause();
  await eventually(async () => expect(await lines()).toEqual(['hup']));
  await pause();
  await stage.engine.containers.kill(name, 'KILL');
  expect(await live()).toMatchObject({ status: 'exited', exitCode: 137 });
});

test('a command in it is refused, and so is a pause of one that does not run', async () => {
  await run();
  await pause();
  await expect(execIn(stage.engine, name, ['true'])).rejects.toThrow(
    `container ${name} is paused, unpause the container before exec`,
  );
  await must(stage.engine.containers.stop([name]));
  const { failed } = await stage.engine.containers.pause([name, 'nobody']);
  expect([name, 'nobody'].map((one) => failed.get(one)?.message)).toEqual([
    `container ${name} is not running`,
    'there is no container nobody',
  ]);
});

test('health checks stand still with it and go on with it', async () => {
  const healthcheck = {
    test: ['sh', '-c', 'echo probe'],
    intervalMs: 50,
    timeoutMs: 5000,
    retries: 1,
    startPeriodMs: 0,
    startIntervalMs: 0,
  };
  await run({ healthcheck });
  await stage.engine.containers.await(name, 'healthy');
  await pause();
  const probes = async () => (await live()).healthLog.map(({ start }) => start);
  const before = await probes();
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(await probes()).toEqual(before);
  expect((await live()).health).toBe('healthy');
  await unpause();
  await eventually(async () => expect(await probes()).not.toEqual(before));
  expect((await live()).health).toBe('healthy');
});

test('one killed from outside comes back by its policy and runs', async () => {
  await run({ restart: { policy: 'always', maxRetries: 0 } });
  await pause();
  process.kill((await live()).pid, 'SIGKILL');
  // A frozen process of version 1 dies when it thaws.
  await unpause().catch(() => undefined);
  await eventually(async () => expect(await live()).toMatchObject({ status: 'running', restartCount: 1 }));
  const before = (await lines()).length;
  await eventually(async () => expect((await lines()).length).toBeGreaterThan(before));
});

test('without its supervisor it can still be removed', async () => {
  await run();
  await pause();
  const { supervisorPid, pid } = await live();
  process.kill(supervisorPid, 'SIGKILL');
  await eventually(async () => expect((await live()).supervisorPid).toBe(0));
  await must(stage.engine.containers.remove([name], { anonymousVolumes: true }));
  expect(() => readFileSync(`/proc/${pid}/stat`)).toThrow(/ENOENT/);
});
