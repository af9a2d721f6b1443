/** From start to end: what the state file says, what a failed start leaves, how stop and kill end a container. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LaunchError } from '../../../engine/launcher/launcher.ts';
import * as control from '../../../engine/supervise/control.ts';
import { eventually } from '../../helpers/eventually.ts';
import { slowness } from '../../helpers/slowness.ts';
import {
  CLONE,
  enterRoot,
  LAUNCHERS,
  makeContainer,
  openWorkshop,
  probe,
  startContainer,
  type Workshop,
} from '../launcher/probe-container.ts';

const SIGKILL = 9;
const SIGUSR1 = 10;

const VERSION_2 = '/sys/fs/cgroup';
const isVersion2 = existsSync(`${VERSION_2}/cgroup.controllers`);
/** Where the groups of a controller of version 1 are, and of all on a host that has version 2 alone. */
const groups = (controller: string) => (isVersion2 ? VERSION_2 : `/sys/fs/cgroup/${controller}`);

const isAlive = (pid: number) => existsSync(`/proc/${pid}`);
const caught = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe.each(LAUNCHERS)('a supervisor %s', (_which, binary) => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop(binary());
  });
  afterAll(() => workshop.close());

  test('says that it runs, with pids that their start times confirm', async () => {
    const container = await startContainer(workshop, [['sleep', '100000']]);
    const state = container.state();
    expect(state).toMatchObject({ status: 'running', exitCode: 0, restartCount: 0, health: 'none' });
    for (const { pid, startTime } of [state.init, state.supervisor]) {
      expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]).toBe(startTime);
    }
    expect(readFileSync(`/proc/${state.init.pid}/cmdline`, 'utf8')).toBe('probe\0sleep\x00100000\0');
    expect(readFileSync(`/proc/${state.supervisor.pid}/cmdline`, 'utf8')).toContain(`supervise ${container.spec.id}`);
    expect(Math.abs(Date.now() - Date.parse(state.startedAt!))).toBeLessThan(5000 * slowness);
    await container.stop();
  });

  test('leaves the session, and stays when the session ends', async () => {
    const own = openWorkshop(workshop.binary);
    const container = await startContainer(own, [['sleep', '100000']]);
    const { supervisor, init } = container.state();
    await own.launcher.close();
    expect(isAlive(init.pid)).toBe(true);
    expect(readFileSync(`/proc/${supervisor.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[3]).toBe(
      `${supervisor.pid}`,
    );
    await container.stop();
    await own.close();
  });

  test.each([
    ['0', [['exit', '0']], 0],
    ['its own code', [['exit', '7']], 7],
    ['128 and the signal', [['crash']], 132],
  ])('an end with %s is written down, in both places, and nothing stays', async (_what, commands, exitCode) => {
    const container = await startContainer(workshop, commands);
    const { supervisor } = container.state();
    const state = await container.ended();
    expect(state).toMatchObject({ status: 'exited', exitCode, init: { pid: 0 }, oomKilled: false });
    expect(Date.parse(state.finishedAt!)).toBeGreaterThanOrEqual(Date.parse(state.startedAt!));
    expect(readFileSync(container.exitPath, 'utf8')).toBe(readFileSync(join(container.runDir, 'state'), 'utf8'));
    expect(readdirSync(container.runDir).sort()).toEqual(['program', 'state']);
    if (supervisor.pid) await eventually(() => expect(isAlive(supervisor.pid)).toBe(false));
  });

  test('a container sees no descriptor but its standard streams, and is pid 1 in a session of its own', async () => {
    const container = await startContainer(workshop, [['descriptors'], ['identity']]);
    await container.ended();
    expect(container.log().map((line) => line.log)).toEqual(['open:\n', 'uid=0 gid=0 groups= pid=1 sid=1 cwd=/\n']);
  });

  test.each([
    ['is missing', 'nowhere', 127, 'ENOENT'],
    ['is a folder', '/proc', 126, 'EISDIR'],
    ['may not be executed', '/proc/version', 126, 'EACCES'],
  ])('a program that %s fails the start with the code that shells use', async (_what, program, exitCode, errno) => {
    const container = makeContainer(workshop, [], (root) => ({
      start: [...enterRoot(root), { op: 'exec', argv: [program], env: ['PATH=/bin'] }],
      restart: { policy: 'always', maxRetries: 0 },
    }));
    const error = (await caught(container.start())) as LaunchError;
    expect(error).toBeInstanceOf(LaunchError);
    expect(error).toMatchObject({ section: 'start', index: 7, op: { op: 'exec' } });
    expect(error.message).toContain(errno);
    const state = container.state();
    expect(state).toMatchObject({ status: 'created', exitCode, supervisor: { pid: 0 }, restartCount: 0 });
    expect(state.error).toEqual({ section: 'start', index: 7, errno: error.errno });
    expect(state.startedAt).toBeUndefined();
  });

  test('a failing operation is told by section, index and errno, and its cgroup goes', async () => {
    const folder = `${groups('pids')}/tcompose-test-failed`;
    const container = makeContainer(workshop, [], {
      setup: [
        { op: 'mkdir', path: folder, mode: 0o755 },
        { op: 'mkdir', path: '/proc/nothing', mode: 0o755 },
      ],
      cgroups: [folder],
    });
    const error = (await caught(container.start())) as LaunchError;
    expect(error).toMatchObject({ section: 'setup', index: 1, op: { path: '/proc/nothing' } });
    expect(container.state().error).toMatchObject({ section: 'setup', index: 1 });
    expect(existsSync(folder)).toBe(false);
  });

  test('an optional operation that fails is a warning', async () => {
    const container = makeContainer(workshop, [['exit', '0']], (root) => ({
      start: [
        { op: 'write', path: '/proc/nothing', data: '', optional: true },
        ...enterRoot(root),
        probe(['exit', '0']),
      ],
    }));
    await expect(container.start()).resolves.toBeUndefined();
    await container.ended();
  });

  test.each([
    ['without a program', (runDir: string) => runDir, 1],
    ['in no folder', () => '/nowhere', 0],
  ])('a supervisor %s says so', async (_what, folder, index) => {
    const runDir = join(workshop.folder, 'empty');
    mkdirSync(runDir, { recursive: true });
    expect(await caught(workshop.launcher.supervise(folder(runDir)))).toMatchObject({ section: 'supervisor', index });
  });

  test('setup may neither clone nor exec: that would be the end of the supervisor', async () => {
    for (const op of [{ op: 'clone', flags: 0 }, probe(['exit', '0'])] as const) {
      const container = makeContainer(workshop, [['exit', '0']], { setup: [op] });
      expect(await caught(container.start())).toMatchObject({ section: 'setup', index: 0 });
    }
  });

  test('stop sends the signal and gives the container time', async () => {
    const container = await startContainer(workshop, [
      ['wait', 'TERM'],
      ['sleep', '200'],
      ['exit', '5'],
    ]);
    await eventually(() => expect(container.log()).toHaveLength(1));
    const last = await control.stop(container.runDir);
    expect(last).toMatchObject({ status: 'exited', exitCode: 5, supervisor: { pid: 0 } });
  });

  test('stop kills when the grace is over', async () => {
    const container = await startContainer(workshop, [['ignore'], ['sleep', '100000']]);
    await eventually(() => expect(container.log()).toHaveLength(1));
    const begin = performance.now();
    const last = await control.stop(container.runDir, { graceMs: 300 });
    expect(last).toMatchObject({ exitCode: 128 + SIGKILL });
    expect(performance.now() - begin).toBeGreaterThan(280);
    expect(performance.now() - begin).toBeLessThan(5000 * slowness);
  });

  test('stop cancels the restart policy, and a second stop is success', async () => {
    const container = await startContainer(workshop, [['sleep', '100000']], {
      restart: { policy: 'always', maxRetries: 0 },
    });
    expect(await control.stop(container.runDir, { graceMs: 0 })).toMatchObject({ status: 'exited', restartCount: 0 });
    expect(await control.stop(container.runDir)).toBeUndefined();
  });

  test('kill sends any signal, and without the wish the container restarts', async () => {
    const container = await startContainer(
      workshop,
      [
        ['wait', 'USR1'],
        ['exit', '0'],
      ],
      {
        restart: { policy: 'always', maxRetries: 0 },
      },
    );
    await eventually(() => expect(container.log()).toHaveLength(1));
    await control.kill(container.runDir, SIGUSR1, false);
    const again = await container.until((state) => state.status === 'running' && state.restartCount === 1);
    await control.kill(container.runDir, SIGKILL, true);
    expect(await container.ended()).toMatchObject({ exitCode: 137, restartCount: 1 });
    expect(isAlive(again.init.pid)).toBe(false);
    await expect(control.kill(container.runDir, SIGKILL, true)).rejects.toThrow(control.SupervisorGone);
  });

  test('a supervisor that is killed takes its container with it', async () => {
    const container = await startContainer(workshop, [['sleep', '100000']]);
    const { supervisor, init } = container.state();
    process.kill(supervisor.pid, 'SIGKILL');
    await eventually(() => expect(isAlive(init.pid)).toBe(false));
  });

  test('a supervisor that is asked to end stops its container gracefully', async () => {
    const container = await startContainer(
      workshop,
      [
        ['wait', 'TERM'],
        ['exit', '4'],
      ],
      {
        restart: { policy: 'always', maxRetries: 0 },
      },
    );
    await eventually(() => expect(container.log()).toHaveLength(1));
    process.kill(container.state().supervisor.pid, 'SIGTERM');
    expect(await container.ended()).toMatchObject({ status: 'exited', exitCode: 4 });
  });

  test('its network namespace is kept over a restart, the process is new', async () => {
    const container = await startContainer(workshop, [['sleep', '100000']], {
      setup: [{ op: 'unshare', flags: CLONE.NEWNET }],
      restart: { policy: 'always', maxRetries: 0 },
    });
    const namespace = (pid: number) => execFileSync('readlink', [`/proc/${pid}/ns/net`], { encoding: 'utf8' });
    const { init } = container.state();
    const before = namespace(init.pid);
    expect(before).not.toBe(namespace(process.pid));
    process.kill(init.pid, 'SIGKILL');
    const after = await container.until((state) => state.status === 'running' && state.restartCount === 1);
    expect(namespace(after.init.pid)).toBe(before);
    expect(after.init).not.toEqual(init);
    await container.stop();
  });

  test('a process killed for want of memory is told from others', async () => {
    const memory = `${groups('memory')}/tcompose-test-oom`;
    const [limit, members, counter] = isVersion2
      ? ['memory.max', 'cgroup.procs', 'memory.events']
      : ['memory.limit_in_bytes', 'tasks', 'memory.oom_control'];
    const container = await startContainer(
      workshop,
      [
        ['memory', '64'],
        ['exit', '0'],
      ],
      (root) => ({
        setup: [
          ...(isVersion2
            ? [{ op: 'write' as const, path: `${VERSION_2}/cgroup.subtree_control`, data: '+memory' }]
            : []),
          { op: 'mkdir', path: memory, mode: 0o755 },
          { op: 'write', path: `${memory}/${limit}`, data: '16777216' },
          { op: 'write', path: `${memory}/memory.swap.max`, data: '0', optional: true },
        ],
        start: [
          { op: 'write', path: `${memory}/${members}`, data: '0' },
          ...enterRoot(root),
          probe(['memory', '64'], ['exit', '0']),
        ],
        cgroups: [memory],
        oomCounter: `${memory}/${counter}`,
      }),
    );
    expect(await container.ended()).toMatchObject({ oomKilled: true, exitCode: 0 });
    expect(existsSync(memory)).toBe(false);
  });

  test('cgroups that the container made within its own go too', async () => {
    const unified = `${groups('unified')}/tcompose-test-nested`;
    const container = await startContainer(workshop, [['exit', '0']], {
      setup: [
        { op: 'mkdir', path: unified, mode: 0o755 },
        { op: 'mkdir', path: `${unified}/a`, mode: 0o755 },
        { op: 'mkdir', path: `${unified}/a/b`, mode: 0o755 },
      ],
      cgroups: [unified],
    });
    await container.ended();
    expect(existsSync(unified)).toBe(false);
  });

  test('files of the supervisor are for root alone', async () => {
    const container = await startContainer(workshop, [['sleep', '100000']]);
    const modeOf = (name: string) => statSync(join(container.runDir, name)).mode & 0o777;
    expect([modeOf('control'), modeOf('state')]).toEqual([0o600, 0o600]);
    await container.stop();
  });
});
