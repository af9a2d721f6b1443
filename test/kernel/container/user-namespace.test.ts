/** Containers whose ids are a range of subordinate ids: seen from inside, on the disk, and from the host. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DesiredContainer, DesiredMount } from '../../../src/model/desired.ts';
import type { Engine } from '../../../src/model/engine.ts';
import { eventually } from '../../helpers/eventually.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { aContainer, ended, importBusybox, openEngine, outputOf, runContainers } from './a-container.ts';

let instance: Instance;
let engine: Engine;
let image: string;
let folder: string;
let count = 0;
beforeAll(async () => {
  instance = await makeInstance();
  engine = openEngine(instance);
  image = await importBusybox(engine);
  // On the file system of the state.
  folder = mkdtempSync(`${instance.root}-users-`);
});
afterEach(async () => {
  const { containers } = await engine.snapshot();
  await engine.containers.remove(
    containers.map(({ name }) => name),
    { anonymousVolumes: true },
  );
  await engine.volumes.remove(['users'], { force: true });
});
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
  await nothingIsLeft(instance);
  await removeInstance(instance);
});

const AUTO = { user: { kind: 'auto', size: 65_536 } } as const;
const mapped = (changes: Partial<DesiredContainer> = {}): Partial<DesiredContainer> => ({
  namespaces: AUTO,
  ...changes,
});
/** Both streams of a shell's script. */
const sh = (script: string, changes: Partial<DesiredContainer> = {}) =>
  outputOf(
    engine,
    aContainer(image, `t-${++count}`, { argv: ['sh', '-c', `exec 2>&1; ${script}`], ...mapped(changes) }),
  );
const run = (name: string, changes: Partial<DesiredContainer> = {}) =>
  runContainers(engine, [aContainer(image, name, mapped(changes))]);
const inside = async (name: string, script: string, more: { readonly user?: string } = {}) => {
  const run = { argv: ['sh', '-c', `exec 2>&1; ${script}`], env: {}, privileged: false, ...more };
  return (await engine.containers.capture(name, run)).stdout.toString().trim();
};
const pidOf = async (name: string) => (await engine.containers.find(name))!.pid;
const rangeOf = async (name: string) => {
  const [, first, size] = readFileSync(`/proc/${await pidOf(name)}/uid_map`, 'utf8')
    .trim()
    .split(/ +/)
    .map(Number);
  return { first: first!, size: size! };
};
const security = (changes: Partial<DesiredContainer['security']>) => ({
  security: { ...aContainer('', '').security, ...changes },
});
const bind = (source: string, target: string, more: { readonly mapsIds?: true } = {}): DesiredMount => ({
  kind: 'bind',
  source,
  target,
  readOnly: false,
  createHostPath: false,
  propagation: 'rprivate',
  recursive: true,
  ...more,
});

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

describe('on the disk', () => {
  const volume = { kind: 'volume', volume: 'users', target: '/data', readOnly: false, noCopy: false } as const;
  const make = () =>
    engine.volumes.create([{ name: 'users', external: false, driver: 'local', driverOpts: {}, labels: {} }]);
  test('what inside’s root makes in its root and in a named volume is root’s: 0, and so for every container', async () => {
    await make();
    await run('one', { mounts: [volume] });
    await run('two', { mounts: [volume] });
    expect(
      await inside('one', 'touch /made /data/made && chown 1000:1001 /data/made && touch /data/root; rm -r /tmp'),
    ).toBe('');
    expect(await inside('two', 'stat -c %u:%g /data/made /data/root')).toBe('1000:1001\n0:0');
    const record = (await engine.containers.find('one'))!;
    const onDisk = (path: string) => statSync(join(instance.root, path));
    expect(onDisk('volumes/users/_data/root').uid).toBe(0);
    expect(onDisk('volumes/users/_data/made')).toMatchObject({ uid: 1000, gid: 1001 });
    expect(onDisk(`containers/${record.id}/upper/made`).uid).toBe(0);
    expect((await rangeOf('one')).first).not.toBe((await rangeOf('two')).first);
  });

  test('a commit and an export have the ids of inside, removed folders among what is removed', async () => {
    await run('source');
    await inside(
      'source',
      'mkdir /own && touch /own/file && chown 1000 /own/file && rm -r /tmp && mkdir /tmp && touch /tmp/new',
    );
    const { id } = await engine.containers.commit('source', { ref: 'made-inside', changes: [], pause: true });
    const output = await outputOf(
      engine,
      aContainer(id, 'plain', { argv: ['sh', '-c', 'stat -c "%u %n" /own /own/file /tmp/*'] }),
    );
    expect(output).toBe('0 /own\n1000 /own/file\n0 /tmp/new');
    await engine.containers.remove(['source'], { anonymousVolumes: true });
    await engine.images.remove('made-inside', { force: true });
  });

  test('cp reads and writes with the ids of inside, running or not', async () => {
    await run('box', {});
    writeFileSync(join(folder, 'in'), 'text');
    for (const state of ['running', 'stopped']) {
      if (state === 'stopped') await engine.containers.stop(['box'], { graceMs: 0 });
      await engine.containers.copyIn('box', {
        from: join(folder, 'in'),
        to: `/${state}`,
        followLink: false,
        keepIds: true,
      });
      const tar = await engine.containers.copyFrom('box', `/${state}`, { followLink: false });
      const chunks: Buffer[] = [];
      for await (const chunk of tar) chunks.push(Buffer.from(chunk as Uint8Array));
      expect(Number.parseInt(Buffer.concat(chunks).toString('latin1', 108, 115), 8), state).toBe(0);
    }
    await engine.containers.start(['box']);
    expect(await inside('box', 'stat -c %u:%g /running /stopped')).toBe('0:0\n0:0');
    await engine.containers.copyOut('box', { from: '/running', to: join(folder, 'out'), followLink: false });
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('text');
  });
});

describe('folders of the host', () => {
  test('keep the host’s owners: what is only root’s cannot be read or written by inside’s root', async () => {
    const shared = join(folder, 'shared');
    mkdirSync(shared, { mode: 0o755 });
    writeFileSync(join(shared, 'secret'), 'secret', { mode: 0o600 });
    writeFileSync(join(shared, 'public'), 'public', { mode: 0o644 });
    const output = await sh(
      'cat /s/public; echo; cat /s/secret; touch /s/new; chmod 666 /s/public; chown 0 /s/public; stat -c %u /s/secret',
      {
        mounts: [bind(shared, '/s')],
        ...security({ capAdd: ['DAC_READ_SEARCH', 'SYS_ADMIN', 'FOWNER'] }),
      },
    );
    expect(output).toMatch(
      /^public\n.*Permission denied\n.*Permission denied\n.*not permitted\n.*not permitted\n65534$/,
    );
    expect(statSync(join(shared, 'public')).mode & 0o777).toBe(0o644);
  });

  test('that are given to its range are its own; where it is asked for they are mapped', async () => {
    const given = join(folder, 'given');
    const asked = join(folder, 'asked');
    for (const path of [given, asked]) mkdirSync(path);
    await run('keeper', { mounts: [bind(given, '/given'), bind(asked, '/asked', { mapsIds: true })] });
    const { first } = await rangeOf('keeper');
    chownSync(given, first, first);
    expect(await inside('keeper', 'stat -c %u /given /asked; touch /given/x /asked/x; echo $?')).toBe('0\n0\n0');
    expect([statSync(join(given, 'x')).uid, statSync(join(asked, 'x')).uid]).toEqual([first, 0]);
  });

  test('a folder whose file system cannot map is named before anything is made', async () => {
    const container = aContainer(image, 'bad', mapped({ mounts: [bind('/sys/kernel', '/k', { mapsIds: true })] }));
    const errors = await engine.check({ containers: [container], networks: [], volumes: [] }, new Set());
    expect(errors.map(({ message }) => message)).toEqual(['the file system of /sys/kernel cannot map ids']);
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

describe('ranges', () => {
  const user = async (name: string) => (await rangeOf(name)).first;

  test('auto gives each its own, private one to a project; made anew a container keeps its own', async () => {
    await run('a');
    await run('b');
    const shared: Partial<DesiredContainer> = { namespaces: { user: { kind: 'private' } } };
    await run('p1', shared);
    await run('p2', shared);
    await run('other', { ...shared, labels: { 'com.docker.compose.project': 'other' } });
    const [a, b, p1, p2, other] = await Promise.all(['a', 'b', 'p1', 'p2', 'other'].map(user));
    expect(p1).toBe(p2);
    const starts = [a!, b!, p1!, other!].sort((x, y) => x - y);
    for (const [i, start] of starts.slice(1).entries()) expect(start - starts[i]!).toBeGreaterThanOrEqual(65_536);
    await engine.containers.stop(['a'], { graceMs: 0 });
    const again = aContainer(image, 'a', mapped({ hostname: 'again' }));
    await engine.containers.create([{ container: again, inheritsFrom: 'a' }]);
    await engine.containers.start(['a']);
    expect(await user('a')).toBe(a);
  });

  test('one container cannot signal or trace another, nor touch its files through a shared folder', async () => {
    const both = join(folder, 'both');
    mkdirSync(both);
    chmodSync(both, 0o1777);
    await run('a', { mounts: [bind(both, '/both')] });
    await run('b', { mounts: [bind(both, '/both')] });
    await inside('a', 'echo mine > /both/a; chmod 600 /both/a');
    expect(await inside('b', 'cat /both/a; stat -c %u /both/a')).toMatch(/Permission denied\n65534$/);
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
