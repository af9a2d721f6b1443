/** What a program in a container sees and may do: as strict as Docker's defaults, seen from inside. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { aContainer, outputOf } from './a-container.ts';
import { useEngine } from './use-engine.ts';

const stage = useEngine();
let count = 0;

const base = () => aContainer(stage.image, 'base');
/** Both streams of a shell's script. */
const sh = (script: string, changes: Partial<DesiredContainer> = {}) =>
  outputOf(
    stage.engine,
    aContainer(stage.image, `t-${++count}`, { argv: ['sh', '-c', `exec 2>&1; ${script}`], ...changes }),
  );
const security = (changes: Partial<DesiredContainer['security']>) => ({ security: { ...base().security, ...changes } });

describe('by default', () => {
  test('it is process 1, alone, with its own host name', async () => {
    const [pid, name, files, processes] = (
      await sh('echo $$; hostname; cat /etc/hostname; ls -d /proc/[0-9]* | wc -l', { hostname: 'box' })
    ).split('\n');
    expect([pid, name, files]).toEqual(['1', 'box', 'box']);
    expect(Number(processes)).toBeLessThanOrEqual(3);
  });

  test('it holds Docker’s fourteen capabilities and a seccomp filter', async () => {
    const status = await sh('cat /proc/self/status');
    expect(status).toMatch(/CapEff:\t00000000a80425fb/);
    expect(status).toMatch(/CapBnd:\t00000000a80425fb/);
    expect(status).toMatch(/CapInh:\t0000000000000000/);
    expect(status).toMatch(/Seccomp:\t2/);
    expect(status).toMatch(/NoNewPrivs:\t0/);
  });

  test('it cannot mount, load modules, or enter other namespaces', async () => {
    const output = await sh('mount -t tmpfs x /tmp; echo $?; hostname other; echo $?');
    expect(output).toMatch(/permission denied|not permitted/i);
    expect(output.split('\n').filter((line) => line === '0')).toEqual([]);
  });

  test('the kernel’s settings are read-only and what tells of the host is masked', async () => {
    const output = await sh(
      'echo 1 > /proc/sys/kernel/panic; mkdir /sys/kernel/x; ls /sys/firmware; wc -c < /proc/keys; echo end',
    );
    expect(output.match(/Read-only file system/g)).toHaveLength(2);
    expect(output).toMatch(/\n0\nend$/);
  });

  test('the host’s files are nowhere to be found', async () => {
    expect(
      await sh(
        'ls /; ls /var/tmp /run 2>/dev/null; cat /proc/1/root/etc/hostname | wc -l; grep -c . /proc/self/mountinfo',
      ),
    ).not.toContain('tcompose');
    expect(await sh('cd ..; cd ..; pwd; ls -d /proc/self/fd/*')).not.toMatch(/fd\/([4-9]|[1-9][0-9])/);
  });

  test('of devices it can make any and open only the harmless ones', async () => {
    const [minor] = (await sh('cat /proc/partitions')).match(/\b(25[0-9]|[0-9]+) +[0-9]+ +[0-9]+ +vda\b/) ?? ['254 0'];
    const [major, number] = minor.split(/ +/);
    const output = await sh(
      `mknod /dev/disk b ${major} ${number} && dd if=/dev/disk of=/dev/null count=1; mknod /dev/n2 c 1 3 && echo x > /dev/n2 && echo fine; echo x > /dev/full`,
    );
    expect(output).toMatch(/disk.*not permitted/i);
    expect(output).toContain('fine');
    expect(output).toMatch(/No space left/);
  });

  test('its control groups show nothing of the host, and cannot be written', async () => {
    const output = await sh(
      'cat /proc/self/cgroup; ls /sys/fs/cgroup/*/tasks; mkdir /sys/fs/cgroup/memory/x || mkdir /sys/fs/cgroup/x',
    );
    expect(output).not.toContain('tcompose');
    expect(output).toMatch(/Read-only file system/);
  });

  test('they can be written when that is asked for, and are not of a privileged one that says so', async () => {
    const write = 'mkdir /sys/fs/cgroup/pids/x 2>&1 || mkdir /sys/fs/cgroup/x 2>&1 && echo written';
    const asked = (privileged: boolean, writableCgroups: boolean) =>
      sh(write, { security: { ...aContainer('', '').security, privileged, writableCgroups } });
    expect(await asked(false, true)).toContain('written');
    expect(await asked(true, false)).toMatch(/Read-only file system/);
  });

  test('standard streams can be opened again by name, also by a user', async () => {
    expect(await sh('echo hello > /dev/stdout; echo bad > /dev/stderr', { user: 'web' })).toBe('hello\nbad');
  });
});

describe('when asked', () => {
  test('it runs as a user of the image, without capabilities', async () => {
    const output = await sh('id; echo $HOME; grep CapEff /proc/self/status; touch /etc/x', {
      user: 'web',
      groupAdd: ['42'],
    });
    expect(output).toContain('uid=1000(web) gid=1000(web) groups=42,1000(web)');
    expect(output).toContain('\n/tmp\n');
    expect(output).toContain('CapEff:\t0000000000000000');
    expect(output).toMatch(/Permission denied/);
  });

  test('an unknown user is a clear refusal, and nothing runs', async () => {
    await expect(sh('id', { user: 'ghost' })).rejects.toThrow(
      'unable to find user ghost: no matching entries in passwd file',
    );
    await stage.engine.containers.remove([`t-${count}`], { anonymousVolumes: true });
  });

  test('its root is read-only while /dev/shm and tmpfs stay writable', async () => {
    const mounts: DesiredContainer['mounts'] = [
      { kind: 'tmpfs', target: '/cache', readOnly: false, options: ['size=1m', 'mode=0700'] },
    ];
    const output = await sh(
      'touch /x; touch /cache/x && touch /dev/shm/x && echo wrote; df /cache | tail -1; stat -c %a /cache',
      {
        ...security({ readOnlyRootfs: true }),
        mounts,
      },
    );
    expect(output).toMatch(/touch: \/x: Read-only file system/);
    expect(output).toContain('wrote');
    expect(output).toMatch(/tmpfs +1024/);
    expect(output).toMatch(/700$/);
  });

  test('capabilities are added and dropped', async () => {
    expect(await sh('grep CapEff /proc/self/status', security({ capDrop: ['ALL'], capAdd: ['CHOWN'] }))).toContain(
      '0000000000000001',
    );
    // AppArmor's default profile, where there is one, denies mounts whatever the capabilities are.
    const administrator = security({ capAdd: ['SYS_ADMIN'], apparmor: 'unconfined' });
    expect(await sh('mount -t tmpfs x /tmp && echo mounted', administrator)).toBe('mounted');
  });

  test('no_new_privs is set, with the filter behind it', async () => {
    const output = await sh('grep -E "NoNewPrivs|Seccomp:" /proc/self/status', {
      ...security({ noNewPrivileges: true }),
      user: 'web',
    });
    expect(output).toMatch(/NoNewPrivs:\t1\nSeccomp:\t2/);
  });

  test('unconfined has no filter, and a profile of one’s own is obeyed', async () => {
    expect(await sh('grep Seccomp: /proc/self/status', security({ seccomp: 'unconfined' }))).toContain('\t0');
    const profile = JSON.stringify({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 }],
    });
    expect(await sh('mkdir /x', security({ seccomp: profile }))).toMatch(/Permission denied/);
  });

  test('privileged is all capabilities that we have, nothing masked, no filter', async () => {
    const own = /^CapBnd:\t(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    const output = await sh(
      'grep -E "CapEff|Seccomp:" /proc/self/status; touch /proc/sys/kernel/hostname && echo open',
      security({ privileged: true }),
    );
    expect(output).toBe(`CapEff:\t${own}\nSeccomp:\t0\nopen`);
  });

  test('limits reach the kernel', async () => {
    const output = await sh(
      'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; df /dev/shm | tail -1; ulimit -n; cat /proc/self/oom_score_adj',
      {
        resources: { memoryBytes: 32 * 2 ** 20, pidsLimit: 77, shmSizeBytes: 2 ** 20, oomScoreAdj: 500 },
        ulimits: { nofile: { soft: 123, hard: 456 } },
      },
    );
    expect(output.split('\n').map((line) => line.replace(/^(shm|tmpfs) +/, '').split(' ')[0])).toEqual([
      '33554432',
      '77',
      '1024',
      '123',
      '500',
    ]);
  });

  test('sysctls of its own namespaces are set', async () => {
    const output = await sh(
      'cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shmmni /proc/sys/net/ipv4/ip_unprivileged_port_start',
      {
        sysctls: { 'net.core.somaxconn': '77', 'kernel.shmmni': '99' },
      },
    );
    expect(output).toBe('77\n99\n0');
  });

  test('its working folder is made, and its environment is what was said', async () => {
    const output = await sh('pwd; echo $A-$HOSTNAME', { workingDir: '/srv/deep', env: { A: 'é b' }, hostname: 'h' });
    expect(output).toBe('/srv/deep\né b-h');
  });

  test('an init is process 1, hands signals on and reaps orphans', async () => {
    const script =
      'trap "echo term; exit 5" TERM; (sleep 0.01 &); sleep 0.1; ps | grep -c "\\[sleep\\]"; cat /proc/1/comm; kill -TERM 1; sleep 1';
    expect(await sh(script, { init: true })).toBe('0\ndocker-init\nterm');
  });

  test('a terminal of its own is its controlling one', async () => {
    expect(await sh('tty; echo x > /dev/console; test -t 0 && echo terminal; echo $TERM', { tty: true })).toMatch(
      /\/dev\/pts\/0\r?\nx\r?\nterminal\r?\nxterm/,
    );
  });
});

describe('hostile images', () => {
  const withImage = async (script: string, check: (id: string) => Promise<void>) => {
    // What an author could put there: made by a container, taken as its root's upper layer.
    const container = aContainer(stage.image, `evil-${++count}`, { argv: ['sh', '-c', script] });
    await stage.engine.containers.create([{ container }]);
    await stage.engine.containers.start([container.name]);
    for await (const change of stage.engine.containers.watch(container.name, new AbortController().signal))
      if (change.status === 'exited') break;
    await check(container.name);
    await stage.engine.containers.remove([container.name], { anonymousVolumes: true });
  };

  test('links in the place of mount points lead nowhere outside', async () => {
    await withImage(
      'rm -rf /tmp; ln -s /../../../../var/tmp /tmp; rm -rf /dev; ln -s /../../etc /dev',
      async (name) => {
        const { failed } = await stage.engine.containers.start([name]);
        // Whether it starts or not: the host's folders have no mount and no file more.
        expect([...failed.values()].map((error) => error.message).join()).not.toContain('bug');
      },
    );
  });
});
