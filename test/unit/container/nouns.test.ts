/** Identity, capabilities, environment, limits, groups, signals and files of a container: values from pure functions. */
import { describe, expect, test } from 'vitest';
import { capabilityMask, namesOf } from '../../../engine/container/capabilities.ts';
import { cgroupJoinOps, cgroupPlan, cpuWeight } from '../../../engine/container/cgroup.ts';
import { parseCgroupFacts } from '../../../engine/container/cgroup-facts.ts';
import { environmentOf } from '../../../engine/container/environment.ts';
import { resolvText } from '../../../engine/container/host-files.ts';
import { resolveIdentity } from '../../../engine/container/identity.ts';
import { rlimitOps, sysctlWrites } from '../../../engine/container/limits.ts';
import { signalNumber } from '../../../engine/container/signals.ts';

describe('identity', () => {
  const files = {
    passwd: 'root:x:0:0:root:/root:/bin/sh\nbroken\nweb:x:33:33::/var/www:/bin/false\nweb:x:34:34::/later:\n',
    group: 'root:x:0:\nweb:x:33:\nlog:x:4:web,other\nssl:x:101:web\n',
  };
  const who = (user: string, groupAdd: string[] = []) => resolveIdentity({ user, groupAdd }, files);

  test('nobody named is root, with root’s home', () => {
    expect(who('')).toEqual({ uid: 0, gid: 0, groups: [0], home: '/root' });
  });
  test('a name gives ids, memberships and home of its first line', () => {
    expect(who('web')).toEqual({ uid: 33, gid: 33, groups: [33, 4, 101], home: '/var/www' });
  });
  test('a number finds its line, or stands for itself in group 0', () => {
    expect(who('33')).toEqual(who('web'));
    expect(who('4242')).toEqual({ uid: 4242, gid: 0, groups: [0], home: '/' });
  });
  test('with a group there are no memberships but the added ones', () => {
    expect(who('web:log', ['ssl', '77'])).toEqual({ uid: 33, gid: 4, groups: [4, 101, 77], home: '/var/www' });
  });
  test('unknown names and impossible numbers are refused', () => {
    expect(() => who('ghost')).toThrow('unable to find user ghost: no matching entries in passwd file');
    expect(() => who('web:ghosts')).toThrow(/unable to find group ghosts/);
    expect(() => who('4294967296')).toThrow(/beyond the largest/);
  });
});

describe('capabilities', () => {
  const mask = (capAdd: string[], capDrop: string[], privileged = false) =>
    capabilityMask({ privileged, capAdd, capDrop }, 2n ** 41n - 1n);
  test('by default they are Docker’s fourteen', () => expect(mask([], [])).toBe(0xa80425fbn));
  test('drop all keeps exactly what is added', () =>
    expect(namesOf(mask(['net_bind_service', 'CAP_CHOWN'], ['ALL']))).toEqual(['CAP_CHOWN', 'CAP_NET_BIND_SERVICE']));
  test('add all takes away what is dropped', () =>
    expect(namesOf(mask(['ALL'], ['SYS_ADMIN']))).not.toContain('CAP_SYS_ADMIN'));
  test('privileged is all that the kernel knows', () => expect(mask([], ['ALL'], true)).toBe(2n ** 41n - 1n));
  test('names that do not exist are refused', () =>
    expect(() => mask(['SYS_WIZARD'], [])).toThrow('there is no capability SYS_WIZARD'));
});

test('an environment has PATH, HOSTNAME and HOME, and lets the container’s own win', () => {
  const facts = { hostname: 'box', home: '/root', tty: true };
  expect(environmentOf([{ A: '1', PATH: '/bin' }, { A: '2' }], facts)).toEqual([
    'PATH=/bin',
    'HOSTNAME=box',
    'TERM=xterm',
    'A=2',
    'HOME=/root',
  ]);
  expect(environmentOf([{ HOME: '/srv' }], { ...facts, tty: false })).toContain('HOME=/srv');
});

describe('sysctls', () => {
  test('dots and slashes both part a name', () => {
    const paths = (names: Record<string, string>) => sysctlWrites(names, true).map(({ path }) => path);
    expect(paths({ 'net.core.somaxconn': '1' })).toContain('/proc/sys/net/core/somaxconn');
    expect(paths({ 'net/ipv4/conf/eth0.1/forwarding': '1' })).toContain('/proc/sys/net/ipv4/conf/eth0.1/forwarding');
    expect(paths({ 'net.ipv4.conf.eth0/1.forwarding': '1' })).toContain('/proc/sys/net/ipv4/conf/eth0.1/forwarding');
  });
  test('what belongs to the host is refused', () => {
    for (const name of ['kernel.panic', 'vm.swappiness', 'net.../../kernel.panic', 'net/../kernel/panic']) {
      expect(() => sysctlWrites({ [name]: '1' }, true), name).toThrow(/not separate/);
    }
    expect(() => sysctlWrites({ 'net.core.somaxconn': '1' }, false)).toThrow(/no network of its own/);
  });
});

test('ulimits without bound are the kernel’s infinity, and unknown ones are named', () => {
  expect(rlimitOps({ nofile: { soft: 10, hard: -1 } })).toEqual([
    { op: 'rlimit', resource: 7, soft: 10n, hard: 2n ** 64n - 1n, clamp: true },
  ]);
  expect(() => rlimitOps({ wishes: { soft: 3, hard: 3 } })).toThrow('there is no ulimit wishes');
});

test('signals are known by name, number and distance from the real-time ends', () => {
  expect(['SIGTERM', 'quit', '9', 'RTMIN+3', 'SIGRTMAX-1'].map(signalNumber)).toEqual([15, 3, 9, 37, 63]);
  for (const bad of ['SIGNOPE', '0', '65', 'RTMIN-1', ''])
    expect(() => signalNumber(bad), bad).toThrow(/there is no signal/);
});

describe('control groups', () => {
  const hybrid = parseCgroupFacts(
    [
      '31 24 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw',
      '32 31 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct',
      '33 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
      '34 31 0:30 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids',
      '35 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
    ].join('\n'),
  );
  const unified = parseCgroupFacts('31 24 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate');
  const resources = { shmSizeBytes: 0, memoryBytes: 2 ** 26, milliCpus: 1500, pidsLimit: 50 };

  test('the mode is read from what is mounted', () => {
    expect([hybrid.mode, unified.mode, parseCgroupFacts('').mode]).toEqual(['hybrid', 'unified', 'none']);
  });
  test('on a hybrid host limits go to version 1 and birth to version 2', () => {
    const plan = cgroupPlan(hybrid, 'ab12', 'id', resources);
    expect(plan.folders).toEqual(
      ['unified', 'memory', 'pids', 'cpu'].map((name) => `/sys/fs/cgroup/${name}/tcompose-ab12/id`),
    );
    expect(Object.fromEntries(plan.limits.map(({ path, value }) => [path.split('/').at(-1), value]))).toEqual({
      'memory.limit_in_bytes': '67108864',
      'memory.memsw.limit_in_bytes': '134217728',
      'pids.max': '50',
      'cpu.cfs_period_us': '100000',
      'cpu.cfs_quota_us': '150000',
    });
    expect(cgroupJoinOps(plan).map((op) => op.op === 'write' && op.path.endsWith('/tasks') && op.data)).toEqual([
      '0',
      '0',
      '0',
    ]);
  });
  test('a limit of swap that somebody wrote is held or refused; one that only follows from mem_limit may be done without', () => {
    const required = (memorySwapBytes?: number) =>
      [hybrid, unified].map((facts) => {
        const { limits } = cgroupPlan(facts, 'ab12', 'id', {
          ...resources,
          ...(memorySwapBytes !== undefined && { memorySwapBytes }),
        });
        return limits.filter(({ path }) => /memsw|swap/.test(path)).map(({ optional }) => !optional);
      });
    expect(required()).toEqual([[false], [false]]);
    expect(required(-1)).toEqual([[false], [false]]);
    expect(required(2 ** 26)).toEqual([[true], [true]]);
  });
  test('hierarchies without a limit in them are not joined, but those that count memory and processes', () => {
    expect(cgroupPlan(hybrid, 'ab12', 'id', { shmSizeBytes: 0 }).folders).toHaveLength(3);
  });
  test('on version 2 there is one folder with every limit', () => {
    const plan = cgroupPlan(unified, 'ab12', 'id', resources);
    expect(plan.folders).toEqual(['/sys/fs/cgroup/tcompose-ab12/id']);
    expect(plan.limits.map(({ path, value }) => `${path.split('/').at(-1)}=${value}`)).toEqual([
      'memory.swap.max=67108864',
      'memory.max=67108864',
      'pids.max=50',
      'cpu.max=150000 100000',
    ]);
  });
  test('shares become weights as others map them', () => {
    expect([2, 102, 256, 512, 1024, 2048, 262144].map(cpuWeight)).toEqual([1, 17, 35, 59, 100, 174, 10000]);
  });
});

test('a resolver of ours is asked without search first, a host’s loopback one is never handed on', () => {
  const dns = { servers: [], search: [], options: [] };
  const host = '# c\nnameserver 127.0.0.1\nnameserver 192.0.2.1\nsearch a.example\nsearch b.example\noptions rotate\n';
  expect(resolvText(dns, { servers: ['10.1.0.1'], host })).toBe(
    'nameserver 10.1.0.1\nsearch b.example\noptions rotate ndots:0\n',
  );
  expect(resolvText({ ...dns, search: ['.'] }, { servers: [], host })).toBe('nameserver 192.0.2.1\noptions rotate\n');
});
