/** What is run in containers beside their program, and what others break. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import type { ExecRequest } from '../../../src/model/engine.ts';
import { eventually } from '../../helpers/eventually.ts';
import { aContainer, ended, execIn, openEngine, runContainers } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();
let name = '';
let count = 0;
beforeEach(() => {
  name = `t-${++count}`;
});

const make = (changes: Partial<DesiredContainer> = {}) => aContainer(stage.image, name, changes);
const find = async () => (await stage.engine.snapshot()).containers.find((container) => container.name === name);
const exec = (argv: string[], changes: Partial<ExecRequest> = {}) => execIn(stage.engine, name, argv, changes);

describe('exec', () => {
  test('gives the program’s exit code, or 126 and 127 as a shell would', async () => {
    await runContainers(stage.engine, [make()]);
    expect(await exec(['sh', '-c', 'exit 9'])).toBe(9);
    expect(await exec(['no-such-program'])).toBe(127);
    expect(await exec(['true'], { workingDir: '/nowhere' })).toBe(127);
    expect(await exec(['/etc/passwd'])).toBe(126);
    expect(await exec(['sh', '-c', 'kill -9 $$'])).toBe(137);
  });

  test('is in the container’s namespaces and groups, with its rights and no more', async () => {
    await runContainers(stage.engine, [make({ hostname: 'inside', env: { A: '1' } })]);
    const code = await exec(
      [
        'sh',
        '-c',
        'exec > /out 2>&1; hostname; id -u; pwd; echo $A$B; grep -E "CapEff|Seccomp:" /proc/self/status; cat /proc/self/cgroup; cat /proc/1/cmdline',
      ],
      {
        user: 'web:root',
        workingDir: '/tmp',
        env: { B: '2' },
      },
    );
    expect(code).toBe(1);
    expect(
      await exec(
        [
          'sh',
          '-c',
          'hostname > /out; pwd >> /out; echo $A$B >> /out; grep -E "CapEff|Seccomp:" /proc/self/status >> /out; grep -c tcompose /proc/self/cgroup >> /out; cat /proc/1/cmdline >> /out',
        ],
        { workingDir: '/tmp', env: { B: '2' } },
      ),
    ).toBe(0);
    const { id } = (await find())!;
    const output = readFileSync(join(stage.instance.root, 'containers', id, 'upper/out'), 'utf8');
    expect(output).toBe('inside\n/tmp\n12\nCapEff:\t00000000a80425fb\nSeccomp:\t2\n0\nsleep\x001000\x00');
  });

  test('what is written to /etc/hosts takes room of ROOT, not of the memory behind RUN', async () => {
    await runContainers(stage.engine, [make()]);
    expect(await exec(['sh', '-c', 'echo 192.0.2.1 mine >> /etc/hosts'])).toBe(0);
    const { id } = (await find())!;
    expect(readFileSync(join(stage.instance.root, 'containers', id, 'hosts'), 'utf8')).toContain('192.0.2.1 mine');
  });

  test('is refused where nothing runs', async () => {
    await stage.engine.containers.create([{ container: make() }]);
    await expect(exec(['id'])).rejects.toThrow(`container ${name} is not running`);
    name = 'ghost';
    await expect(exec(['id'])).rejects.toThrow('there is no container ghost');
  });

  test('detached it goes on by itself', async () => {
    await runContainers(stage.engine, [make()]);
    expect(await exec(['sh', '-c', 'sleep 0.1; touch /done'], { detach: true })).toBe(0);
    const { id } = (await find())!;
    await eventually(() => expect(existsSync(join(stage.instance.root, 'containers', id, 'upper/done'))).toBe(true));
  });
});

describe('what others break', () => {
  test('a process killed from outside is an exit, and start makes it whole', async () => {
    await runContainers(stage.engine, [make()]);
    process.kill((await find())!.pid, 'SIGKILL');
    expect(await ended(stage.engine, name)).toBe(137);
    expect(await find()).toMatchObject({ status: 'exited', exitCode: 137, wanted: true });
    await stage.engine.containers.start([name]);
    expect(await find()).toMatchObject({ status: 'running' });
  });

  test('a supervisor killed from outside is damage, its process does not live on, and start makes it whole', async () => {
    await runContainers(stage.engine, [make()]);
    const { supervisorPid, pid } = (await find())!;
    process.kill(supervisorPid, 'SIGKILL');
    await eventually(() => expect(existsSync(`/proc/${pid}/exe`)).toBe(false));
    // Its memory goes a moment before it counts as ended.
    await eventually(async () =>
      expect(await find()).toMatchObject({ status: 'exited', damage: [{ kind: 'supervisor' }] }),
    );
    expect((await stage.engine.containers.start([name])).failed.size).toBe(0);
    expect(await find()).toMatchObject({ status: 'running', damage: [] });
  });

  test('half made and half removed containers are leftovers, and fix removes them', async () => {
    await runContainers(stage.engine, [make()]);
    const { id } = (await find())!;
    const record = join(stage.instance.root, 'containers', id, 'container.json');
    const { unlinkSync } = await import('node:fs');
    unlinkSync(record);
    const leftovers = await stage.engine.system.leftovers();
    expect(new Set(leftovers.map(({ kind }) => kind))).toEqual(new Set(['process', 'cgroup', 'file']));
    await stage.engine.system.fix(leftovers);
    expect(await stage.engine.system.leftovers()).toEqual([]);
  });
});

test('a project has one writer, and the second learns who it is', async () => {
  const held = await stage.engine.lock('p', 'tcompose up');
  const other = openEngine(stage.instance);
  await expect(other.lock('p', 'tcompose down')).rejects.toThrow(
    new RegExp(`"tcompose up" \\(pid ${process.pid}, since `),
  );
  await (await other.lock('q', 'tcompose down')).release();
  await held.release();
  await (await other.lock('p', 'tcompose down')).release();
});
