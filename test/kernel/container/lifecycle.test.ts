/** From create to remove: what each verb leaves, also when it is run twice, interrupted, or asked for the impossible. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { eventually } from '../../helpers/eventually.ts';
import { aContainer, ended, runContainers } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();
let name = '';
let count = 0;
beforeEach(() => {
  name = `t-${++count}`;
});

const make = (changes: Partial<DesiredContainer> = {}) => aContainer(stage.image, name, changes);
const shell = (script: string, changes: Partial<DesiredContainer> = {}) =>
  make({ argv: ['sh', '-c', script], ...changes });
const find = async () => (await stage.engine.snapshot()).containers.find((container) => container.name === name);
const logs = async () => {
  const lines: string[] = [];
  for await (const line of stage.engine.containers.logs(name, { follow: false })) lines.push(line.text.toString());
  return lines;
};
/** Ignores SIGTERM no longer than it takes to say so. */
const POLITE = 'trap "echo bye; exit 7" TERM; echo up; while :; do sleep 0.05; done';

describe('create', () => {
  test('makes it without running anything, and again changes nothing', async () => {
    await stage.engine.containers.create([{ container: make() }]);
    const first = await find();
    expect(first).toMatchObject({ status: 'created', pid: 0, wanted: false, damage: [] });
    expect((await stage.engine.containers.create([{ container: make() }])).failed.size).toBe(0);
    expect((await find())?.id).toBe(first?.id);
  });

  test('refuses a name that another container has, naming it', async () => {
    await stage.engine.containers.create([{ container: make() }]);
    const { failed } = await stage.engine.containers.create([{ container: make({ hostname: 'other' }) }]);
    expect(failed.get(name)?.message).toMatch(/already in use by container [0-9a-f]{12}/);
  });

  test('takes the place of the stopped container of its own name, and of no running one', async () => {
    await runContainers(stage.engine, [make()]);
    const old = await find();
    const next = { container: make({ hostname: 'new' }), inheritsFrom: name };
    expect((await stage.engine.containers.create([next])).failed.get(name)?.message).toMatch(
      /running and cannot be replaced/,
    );
    await stage.engine.containers.stop([name]);
    expect((await stage.engine.containers.create([next])).failed.size).toBe(0);
    expect((await find())?.id).not.toBe(old?.id);
    expect(readdirSync(join(stage.instance.root, 'containers'))).toEqual([(await find())?.id]);
  });

  test('says what cannot be, before anything is made', async () => {
    const wishes: [Partial<DesiredContainer>, RegExp][] = [
      [{ ulimits: { wishes: { soft: 3, hard: 3 } } }, /no ulimit wishes/],
      [{ sysctls: { 'vm.swappiness': '1' } }, /not separate for each container/],
      [{ resources: { memoryBytes: 1000, shmSizeBytes: 1 } }, /too small/],
      [{ resources: { milliCpus: 10 ** 6, shmSizeBytes: 1 } }, /cannot give 1000 CPUs/],
      [{ image: { ref: 'ghost', id: `sha256:${'0'.repeat(64)}` } }, /image/],
    ];
    for (const [wish, message] of wishes) {
      const { failed } = await stage.engine.containers.create([{ container: make(wish) }]);
      expect(failed.get(name)?.message).toMatch(message);
    }
    expect(
      existsSync(join(stage.instance.root, 'containers')) ? readdirSync(join(stage.instance.root, 'containers')) : [],
    ).toEqual([]);
  });

  test('one bad container of a batch does not keep the others', async () => {
    const good = aContainer(stage.image, `${name}-good`);
    const { failed } = await stage.engine.containers.create([
      { container: make({ ulimits: { x: { soft: 1, hard: 1 } } }) },
      { container: good },
    ]);
    expect([...failed.keys()]).toEqual([name]);
    expect((await stage.engine.snapshot()).containers.map((container) => container.name)).toEqual([good.name]);
  });
});

describe('start and stop', () => {
  test('a started one runs, and starting or stopping it again is success', async () => {
    await runContainers(stage.engine, [make()]);
    const first = await find();
    expect(first).toMatchObject({ status: 'running', wanted: true, damage: [] });
    expect(readFileSync(`/proc/${first?.pid}/cmdline`, 'utf8')).toBe('sleep\x001000\0');
    expect((await stage.engine.containers.start([name])).failed.size).toBe(0);
    expect((await find())?.pid).toBe(first?.pid);
    await stage.engine.containers.stop([name]);
    expect((await stage.engine.containers.stop([name])).failed.size).toBe(0);
    expect(await find()).toMatchObject({ status: 'exited', pid: 0, supervisorPid: 0, wanted: false });
  });

  test('it is asked politely and given time', async () => {
    await runContainers(stage.engine, [shell(POLITE, { stop: { signal: 'SIGTERM', graceMs: 5000 } })]);
    await eventually(async () => expect(await logs()).toContain('up'));
    await stage.engine.containers.stop([name]);
    expect(await logs()).toEqual(['up', 'bye']);
    expect(await find()).toMatchObject({ exitCode: 7 });
  });

  test('what does not listen is killed after its time', async () => {
    await runContainers(stage.engine, [make({ stop: { signal: 'SIGTERM', graceMs: 60_000 } })]);
    const begun = performance.now();
    await stage.engine.containers.stop([name], { graceMs: 150 });
    expect(performance.now() - begun).toBeGreaterThan(140);
    expect(await find()).toMatchObject({ exitCode: 137 });
  });

  test('what it wrote survives a stop and is gone with the container', async () => {
    await runContainers(stage.engine, [shell('cat /kept; echo data >> /kept')]);
    await ended(stage.engine, name);
    await stage.engine.containers.start([name]);
    await ended(stage.engine, name);
    expect((await logs()).filter((line) => line === 'data')).toHaveLength(1);
  });

  test('a program that is not there fails the start, says so, and leaves nothing running', async () => {
    await stage.engine.containers.create([{ container: make({ argv: ['/no/such'] }) }]);
    const { failed } = await stage.engine.containers.start([name]);
    expect(failed.get(name)?.message).toMatch(/no such|not found/i);
    expect(await find()).toMatchObject({ wanted: false, pid: 0, supervisorPid: 0, error: failed.get(name)?.message });
  });

  test('it comes back as its policy says', async () => {
    await runContainers(stage.engine, [
      shell('echo run; exit 3', { restart: { policy: 'on-failure', maxRetries: 2 } }),
    ]);
    expect(await ended(stage.engine, name)).toBe(3);
    expect(await logs()).toEqual(['run', 'run', 'run']);
    expect(await find()).toMatchObject({ restartCount: 2, status: 'exited' });
  });

  test('a kill by hand is final, another signal is only a signal', async () => {
    await runContainers(stage.engine, [
      shell('trap "echo hup" HUP; echo up; while :; do sleep 0.05; done', {
        restart: { policy: 'always', maxRetries: 0 },
      }),
    ]);
    await eventually(async () => expect(await logs()).toContain('up'));
    await stage.engine.containers.kill(name, 'HUP');
    await eventually(async () => expect(await logs()).toContain('hup'));
    await stage.engine.containers.kill(name, 'SIGKILL');
    expect(await find()).toMatchObject({ status: 'exited', exitCode: 137, wanted: false });
    await expect(stage.engine.containers.kill(name, 'TERM')).rejects.toThrow(`container ${name} is not running`);
  });

  test('many start and stop at once', async () => {
    const many = Array.from({ length: 20 }, (_, index) => aContainer(stage.image, `${name}-${index}`));
    await runContainers(stage.engine, many);
    expect((await stage.engine.snapshot()).containers.filter(({ status }) => status === 'running')).toHaveLength(20);
    const { failed } = await stage.engine.containers.stop(many.map((container) => container.name));
    expect(failed.size).toBe(0);
  });
});

describe('await', () => {
  const check = {
    test: ['sh', '-c', 'test -e /ok'],
    intervalMs: 50,
    timeoutMs: 1000,
    retries: 2,
    startPeriodMs: 0,
    startIntervalMs: 50,
  };

  test('healthy comes with the first good probe', async () => {
    await runContainers(stage.engine, [
      shell('sleep 0.2; touch /ok; sleep 1000', { healthcheck: { ...check, retries: 50 } }),
    ]);
    await stage.engine.containers.await(name, 'healthy');
    expect(await find()).toMatchObject({ health: 'healthy' });
  });

  test('unhealthy, exited and without a check are failures that say so', async () => {
    await runContainers(stage.engine, [make({ healthcheck: check })]);
    await expect(stage.engine.containers.await(name, 'healthy')).rejects.toThrow(/is unhealthy/);
    name += '-b';
    await runContainers(stage.engine, [shell('exit 4', { healthcheck: check })]);
    await expect(stage.engine.containers.await(name, 'healthy')).rejects.toThrow(/exited \(4\)/);
    await expect(stage.engine.containers.await(name, 'completed')).rejects.toThrow(/exited \(4\)/);
    name += '-c';
    await runContainers(stage.engine, [make()]);
    await expect(stage.engine.containers.await(name, 'healthy')).rejects.toThrow(/no health check/);
    await stage.engine.containers.await(name, 'started');
  });

  test('started means that it goes on running, or has done its work', async () => {
    await runContainers(stage.engine, [shell('sleep 0.1; exit 4')]);
    await expect(stage.engine.containers.await(name, 'started')).rejects.toThrow(/exited \(4\)/);
    name += '-b';
    await runContainers(stage.engine, [shell('sleep 0.1')]);
    await stage.engine.containers.await(name, 'started');
    expect(await find()).toMatchObject({ status: 'exited' });
  });

  test('completed waits for the good end', async () => {
    await runContainers(stage.engine, [shell('sleep 0.1')]);
    await stage.engine.containers.await(name, 'completed');
  });

  test('an abort ends the waiting', async () => {
    await runContainers(stage.engine, [make()]);
    const abort = new AbortController();
    const waiting = stage.engine.containers.await(name, 'completed', abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});
