/** Namespaces that a container shares with the host or with another container, seen from inside and at its end. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { eventually } from '../../helpers/eventually.ts';
import { aContainer, ended, execIn, outputOf, runContainers } from '../container/a-container.ts';
import { useEngine } from '../container/use-engine.ts';

const stage = useEngine();
let count = 0;

type Namespaces = DesiredContainer['namespaces'];
const of = (container: string) => ({ kind: 'container', container }) as const;
const host = { kind: 'host' } as const;
const sh = (script: string, changes: Partial<DesiredContainer> = {}) =>
  outputOf(
    stage.engine,
    aContainer(stage.image, `t-${++count}`, { argv: ['sh', '-c', `exec 2>&1; ${script}`], ...changes }),
  );
const run = (name: string, changes: Partial<DesiredContainer> = {}) =>
  runContainers(stage.engine, [aContainer(stage.image, name, changes)]);
const sharing = (namespaces: Namespaces): Partial<DesiredContainer> => ({ namespaces: namespaces! });
const pidOf = async (name: string) => (await stage.engine.containers.find(name))!.pid;
const namespaceOf = (pid: number | 'self', kind: string) => readlinkSync(`/proc/${pid}/ns/${kind}`);
/** Host process ids that run a command whose arguments have the word. */
const running = (word: string): readonly string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^[0-9]+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
    } catch {
      return false;
    }
  });

describe('with the host', () => {
  test('each of pid, ipc, uts and cgroup is the host’s where asked, and its own else', async () => {
    await run('shared', sharing({ pid: host, ipc: host, uts: host, cgroup: host }));
    await run('own');
    for (const kind of ['pid', 'ipc', 'uts', 'cgroup']) {
      expect(namespaceOf(await pidOf('shared'), kind), kind).toBe(namespaceOf('self', kind));
      expect(namespaceOf(await pidOf('own'), kind), kind).not.toBe(namespaceOf('self', kind));
    }
    expect(namespaceOf(await pidOf('shared'), 'mnt')).not.toBe(namespaceOf('self', 'mnt'));
  });

  test('with its processes it sees them, cannot escape by their roots, and an init is none', async () => {
    const output = await sh('ps | wc -l; cat /proc/1/comm; ls /proc/1/root/; echo $$', {
      ...sharing({ pid: host }),
      init: true,
    });
    const [seen, first, root, own] = output.split('\n');
    expect(Number(seen)).toBeGreaterThan(5);
    expect(first).toBe(readFileSync('/proc/1/comm', 'utf8').trim());
    expect(root).toMatch(/Permission denied/);
    expect(Number(own)).toBeGreaterThan(1);
  });

  test('all of its processes end with the first, also those that left its session', async () => {
    const argv = ['sh', '-c', 'setsid sleep 4711 & setsid sleep 4711 & sleep 0.3'];
    await run('brief', { ...sharing({ pid: host }), argv });
    expect(await ended(stage.engine, 'brief')).toBe(0);
    await eventually(async () => expect(running('4711')).toEqual([]), 5000);
  });

  test('a stop leaves none of them, and a restart by policy begins without those of before', async () => {
    const argv = ['sh', '-c', 'sleep 4712 & sleep 4712 & if [ -e /again ]; then sleep 4713; fi; touch /again; exit 1'];
    await run('again', { ...sharing({ pid: host }), argv, restart: { policy: 'always', maxRetries: 0 } });
    await eventually(async () => expect(running('4713')).toHaveLength(1), 10_000);
    expect(running('4712')).toHaveLength(2);
    await stage.engine.containers.stop(['again'], { graceMs: 0 });
    expect(running('4712')).toEqual([]);
    expect(running('4713')).toEqual([]);
  });

  test('the control groups show its own only', async () => {
    const output = await sh('cat /proc/self/cgroup; cat /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs', {
      ...sharing({ cgroup: host }),
    });
    expect(output).toMatch(/tcompose-/);
  });

  test('its /dev/shm is the host’s, and sysctls of that namespace are refused', async () => {
    const own = await sh('df /dev/shm | tail -1; ls -ld /dev/shm /dev/mqueue', sharing({ ipc: host }));
    expect(own).toMatch(/^(tmpfs|shm|none) /);
    await expect(sh('true', { ...sharing({ ipc: host }), sysctls: { 'kernel.shmmni': '44' } })).rejects.toThrow(
      /no IPC namespace of its own/,
    );
  });

  test('a host name beside the host’s UTS namespace is refused before anything is made', async () => {
    await expect(sh('true', { ...sharing({ uts: host }), hostname: 'box' })).rejects.toThrow(
      /conflicting options: hostname and the UTS mode/,
    );
    expect((await stage.engine.snapshot()).containers).toEqual([]);
    expect(await sh('hostname', sharing({ uts: host }))).toBe(readFileSync('/proc/sys/kernel/hostname', 'utf8').trim());
  });
});

describe('with another container', () => {
  test('processes, messages and host name are the donor’s; an exec and a probe too', async () => {
    await run('donor', { hostname: 'given', namespaces: { ipc: { kind: 'shareable' } } });
    await run('guest', {
      ...sharing({ pid: of('donor'), ipc: of('donor'), uts: of('donor') }),
      healthcheck: {
        test: ['/bin/sh', '-c', 'hostname; cat /proc/1/cmdline'],
        intervalMs: 50,
        timeoutMs: 5000,
        retries: 3,
        startPeriodMs: 0,
        startIntervalMs: 50,
      },
    });
    const pids = [await pidOf('donor'), await pidOf('guest')] as const;
    for (const kind of ['pid', 'ipc', 'uts']) expect(namespaceOf(pids[1], kind), kind).toBe(namespaceOf(pids[0], kind));
    await eventually(async () => {
      const { health, healthLog } = (await stage.engine.containers.find('guest'))!;
      expect([health, healthLog[0]?.output]).toEqual(['healthy', 'given\nsleep\u00001000\u0000']);
    }, 10_000);
    const code = await execIn(stage.engine, 'guest', [
      'sh',
      '-c',
      'test "$(hostname)" = given && grep -q 1000 /proc/1/cmdline && test $$ != 1',
    ]);
    expect(code).toBe(0);
  });

  test('/dev/shm is one for both, and two guests meet there', async () => {
    await run('donor', { namespaces: { ipc: { kind: 'shareable' } } });
    const guest = sharing({ ipc: of('donor') });
    await sh('echo left > /dev/shm/note', guest);
    expect(await sh('cat /dev/shm/note; grep -c " /dev/shm " /proc/self/mountinfo', guest)).toBe('left\n1');
    expect(await sh('ls /dev/shm')).toBe('');
  });

  test('the guest is killed with the donor’s processes, and by itself leaves the donor running', async () => {
    await run('donor');
    await run('guest', sharing({ pid: of('donor') }));
    await stage.engine.containers.remove(['guest'], { anonymousVolumes: true });
    expect(await pidOf('donor')).toBeGreaterThan(0);
    await run('guest', sharing({ pid: of('donor') }));
    await stage.engine.containers.stop(['donor'], { graceMs: 0 });
    expect(await ended(stage.engine, 'guest')).toBe(137);
  });

  test('a donor that is restarted by its policy takes its guest along', async () => {
    const restart = { policy: 'always', maxRetries: 0 } as const;
    await run('donor', { restart });
    await run('guest', { ...sharing({ pid: of('donor') }), restart });
    process.kill(await pidOf('donor'), 'SIGKILL');
    await eventually(async () => {
      const { containers } = await stage.engine.snapshot();
      expect(containers.map(({ status, restartCount }) => [status, restartCount])).toEqual([
        ['running', 1],
        ['running', 1],
      ]);
    }, 10_000);
    expect(namespaceOf(await pidOf('guest'), 'pid')).toBe(namespaceOf(await pidOf('donor'), 'pid'));
  });

  test('one that is stopped, unknown or private is named, and what to do', async () => {
    await stage.engine.containers.create([{ container: aContainer(stage.image, 'donor') }]);
    await expect(sh('true', sharing({ pid: of('donor') }))).rejects.toThrow(
      /shares the pid namespace of donor, which is not running/,
    );
    await expect(sh('true', sharing({ uts: of('nobody') }))).rejects.toThrow(/of nobody, which is not running/);
    await stage.engine.containers.start(['donor']);
    await expect(sh('true', sharing({ ipc: of('donor') }))).rejects.toMatchObject({
      message: expect.stringContaining('which does not share it'),
      help: 'give donor "ipc: shareable"',
    });
  });

  test('without IPC there is no /dev/shm, and nobody may join', async () => {
    expect(await sh('ls /dev | grep -c shm; ls -d /dev/mqueue', sharing({ ipc: { kind: 'none' } }))).toBe(
      '0\n/dev/mqueue',
    );
  });

  test('a donor that put a link in the place of /dev/shm gives nothing else away', async () => {
    await run('donor', {
      ...sharing({ ipc: { kind: 'shareable' } }),
      security: { ...aContainer(stage.image, 'x').security, capAdd: ['SYS_ADMIN'] },
      argv: ['sh', '-c', 'umount /dev/shm && rmdir /dev/shm && ln -s /proc /dev/shm && touch /ready; sleep 1000'],
    });
    await eventually(async () => {
      const pid = await pidOf('donor');
      expect(readdirSync(`/proc/${pid}/root/`)).toContain('ready');
    }, 5000);
    await expect(sh('true', sharing({ ipc: of('donor') }))).rejects.toThrow(/no memory file system of its own/);
  });
});
