/** Containers whose ids are a range of subordinate ids: seen from inside, by their supervisor, and by those they share with. */
import { readlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { eventually } from '../../helpers/eventually.ts';
import { aContainer, ended, outputOf, runContainers } from './a-container.ts';
import { AUTO, engine, image, inside, pidOf, rangeOf, run, security, sh, useStage } from './mapped-stage.ts';

useStage();

describe('from inside', () => {
  test('it is root of a range of ids, and not of the host', async () => {
    const [uids, gids, id] = (await sh('cat /proc/self/uid_map /proc/self/gid_map; id')).split('\n');
    expect(uids).toMatch(/^ +0 +[1-9][0-9]{4,} +65536$/);
    expect(gids).toMatch(/^ +0 +[1-9][0-9]{4,} +65536$/);
    expect(id).toMatch(/^uid=0(\(root\))? gid=0(\(root\))?/);
  });

  test('all of its namespaces are that one’s: with the right capabilities it mounts, names itself and sets up its network', async () => {
    const output = await sh(
      'mkdir /mnt && mount -t tmpfs x /mnt && mount -t proc x /tmp && ls /tmp/1 >/dev/null && hostname other && hostname; ip link set lo down && ip addr add 192.0.2.1/24 dev lo && ip link set lo up && ping -c1 -W2 192.0.2.1 | grep -c "1 packets received"; umount /etc/hosts',
      security({ capAdd: ['SYS_ADMIN', 'NET_ADMIN'] }),
    );
    expect(output).toMatch(/^other\n1\numount: .*$/);
    await run('own');
    for (const kind of ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts']) {
      const theirs = readlinkSync(`/proc/${await pidOf('own')}/ns/${kind}`);
      expect(theirs, kind).not.toBe(readlinkSync(`/proc/self/ns/${kind}`));
    }
  });

  test('ports below 1024, settings of its namespaces, limits and a working folder that is made are as ever', async () => {
    const output = await sh(
      'pwd; (echo hello | nc -l -p 80 &) ; sleep 0.2; nc 127.0.0.1 80 </dev/null; cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/shmmni /proc/sys/kernel/domainname; ulimit -n; cat /proc/self/oom_score_adj; stat -c %u .',
      {
        user: 'web',
        workingDir: '/srv/deep',
        domainname: 'example.org',
        sysctls: { 'net.ipv4.ip_default_ttl': '77', 'kernel.shmmni': '99' },
        ulimits: { nofile: { soft: 40, hard: 1_048_577 } },
        resources: { shmSizeBytes: 2 ** 26, oomScoreAdj: 100 },
      },
    );
    expect(output).toBe('/srv/deep\nhello\n77\n99\nexample.org\n40\n100\n0');
  });

  test('its files, devices and host files are root’s or the user’s, not a stranger’s', async () => {
    const output = await sh(
      'stat -c "%u:%g %n" / /bin /etc/hosts /etc/hostname /etc/resolv.conf /dev /dev/null /dev/shm /cache /dev/mqueue; echo x > /dev/null && touch /dev/shm/a /cache/b && stat -c "%u %n" /cache/b; echo 1 > /etc/hosts && echo written',
      { mounts: [{ kind: 'tmpfs', target: '/cache', readOnly: false, options: ['uid=1000', 'gid=1000'] }] },
    );
    expect(output.split('\n').filter((line) => !line.startsWith('0:0 '))).toEqual([
      '1000:1000 /cache',
      '0 /cache/b',
      'written',
    ]);
  });

  test('with a terminal it has it, and a user of the image may open its streams by name', async () => {
    expect(await sh('tty; echo x > /dev/stdout; stat -c "%u:%g" $(tty)', { tty: true, user: 'web' })).toMatch(
      /^\/dev\/pts\/0\r?\nx\r?\n1000:5\r?$/,
    );
    expect(await sh('echo hello > /dev/stdout; echo bad > /dev/stderr', { user: 'web' })).toBe('hello\nbad');
  });

  test('an init, a read-only root and no_new_privs go with it', async () => {
    expect(
      await sh('touch /x; touch /dev/shm/x && cat /proc/1/comm; grep NoNewPrivs /proc/self/status', {
        init: true,
        ...security({ readOnlyRootfs: true, noNewPrivileges: true }),
      }),
    ).toMatch(/Read-only file system\ndocker-init\nNoNewPrivs:\t1$/);
  });

  test('a user that the range does not reach is refused by number', async () => {
    await expect(sh('id', { user: '1000', namespaces: { user: { kind: 'auto', size: 100 } } })).rejects.toThrow(
      /is to run with the id 1000, and its user namespace has 100 ids/,
    );
  });
});

describe('its supervisor', () => {
  test('restarts it by policy with the same ids and network, probes it, and takes exec, pause and stop', async () => {
    await run('lives', {
      argv: ['sh', '-c', 'echo started; readlink /proc/self/ns/user; readlink /proc/self/ns/net; sleep 1000'],
      restart: { policy: 'always', maxRetries: 0 },
      healthcheck: {
        test: ['/bin/sh', '-c', 'id -u; test $(id -u) = 0'],
        intervalMs: 50,
        timeoutMs: 5000,
        retries: 3,
        startPeriodMs: 0,
        startIntervalMs: 50,
      },
    });
    const before = await rangeOf('lives');
    await eventually(async () => expect((await engine.containers.find('lives'))!.health).toBe('healthy'), 10_000);
    process.kill(await pidOf('lives'), 'SIGKILL');
    await eventually(async () => {
      const { status, restartCount } = (await engine.containers.find('lives'))!;
      expect([status, restartCount]).toEqual(['running', 1]);
    }, 10_000);
    expect(await rangeOf('lives')).toEqual(before);
    const lines: string[] = [];
    for await (const { text } of engine.containers.logs('lives', { follow: false })) lines.push(text.toString());
    expect(lines.slice(0, 3)).toEqual(lines.slice(3));
    expect(await inside('lives', 'id -u; grep CapEff /proc/self/status')).toBe('0\nCapEff:\t00000000a80425fb');
    expect(await inside('lives', 'id -u; cat /proc/self/uid_map | wc -l', { user: 'web' })).toBe('1000\n1');
    expect([...(await engine.containers.pause(['lives'])).failed.values()]).toEqual([]);
    expect([...(await engine.containers.unpause(['lives'])).failed.values()]).toEqual([]);
    expect((await engine.containers.processes('lives'))[0]?.user).toBe(`${before.first}`);
    await engine.containers.stop(['lives'], { graceMs: 0 });
    expect(await ended(engine, 'lives')).toBe(137);
  });

  test('a process on its way in shows nothing of the host to who may trace everything inside', async () => {
    await run('watched', security({ capAdd: ['SYS_PTRACE'] }));
    const script =
      'for i in $(seq 200); do for p in /proc/[0-9]*; do readlink $p/exe 2>/dev/null; done; done | sort -u';
    const [seen] = await Promise.all([
      inside('watched', script),
      ...Array.from({ length: 10 }, () => inside('watched', 'true')),
    ]);
    expect(seen).not.toContain('launcher');
    expect(seen).toContain('/bin/busybox');
  });
});

describe('shared namespaces', () => {
  const of = (container: string) => ({ kind: 'container', container }) as const;

  test('with a donor of the network or of processes it is in that one’s user namespace', async () => {
    await run('donor', { namespaces: { ...AUTO, ipc: { kind: 'shareable' } } });
    await run('net', { networkMode: of('donor') });
    await run('rest', { namespaces: { ...AUTO, pid: of('donor'), ipc: of('donor'), uts: of('donor') } });
    const users = await Promise.all(
      ['donor', 'net', 'rest'].map(async (name) => readlinkSync(`/proc/${await pidOf(name)}/ns/user`)),
    );
    expect(new Set(users).size).toBe(1);
    expect(
      await inside(
        'rest',
        'cat /proc/1/root/etc/hostname >/dev/null; ls -l /proc/1/exe | wc -l; touch /dev/shm/x && ls /sys/class/net',
      ),
    ).toMatch(/\nlo$/);
  });

  test('beside a donor without one it is refused; one without it may join one that has it', async () => {
    await runContainers(engine, [aContainer(image, 'plain')]);
    await expect(run('guest', { networkMode: of('plain') })).rejects.toThrow(
      /has a user namespace and shares others with plain, which has none/,
    );
    await run('donor');
    const output = await outputOf(
      engine,
      aContainer(image, 'debug', { networkMode: of('donor'), argv: ['sh', '-c', 'ip link | grep -c lo:; id -u'] }),
    );
    expect(output).toBe('1\n0');
  });

  test('what is the host’s, or all rights over it, is refused by name', async () => {
    const refusals: readonly [Partial<DesiredContainer>, RegExp][] = [
      [security({ privileged: true }), /and privileged$/],
      [{ networkMode: { kind: 'host' } }, /and network_mode: host$/],
      [{ namespaces: { ...AUTO, pid: { kind: 'host' }, ipc: { kind: 'host' } } }, /and pid: host, ipc: host$/],
      [{ networkMode: of('a'), namespaces: { ...AUTO, pid: of('b') } }, /and share with a and b$/],
    ];
    for (const [changes, message] of refusals) await expect(run('refused', changes)).rejects.toThrow(message);
    expect((await engine.snapshot()).containers).toEqual([]);
  });
});
