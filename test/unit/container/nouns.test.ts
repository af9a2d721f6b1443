/** Identity, capabilities, environment, limits, groups, signals and files of a container: values from pure functions. */
import { describe, expect, test } from 'vitest';
import { environmentOf } from '../../../engine/container/environment.ts';
import { resolvText } from '../../../engine/container/host-files.ts';
import { resolveIdentity } from '../../../engine/container/identity.ts';
import { capabilityMask, namesOf } from '../../../engine/container/isolation/capabilities.ts';
import { rlimitOps, sysctlWrites } from '../../../engine/container/resources/limits.ts';
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
  const own = { network: true, ipc: true, uts: true };
  test('dots and slashes both part a name', () => {
    const paths = (names: Record<string, string>) => sysctlWrites(names, own).map(({ path }) => path);
    expect(paths({ 'net.core.somaxconn': '1' })).toContain('/proc/sys/net/core/somaxconn');
    expect(paths({ 'net/ipv4/conf/eth0.1/forwarding': '1' })).toContain('/proc/sys/net/ipv4/conf/eth0.1/forwarding');
    expect(paths({ 'net.ipv4.conf.eth0/1.forwarding': '1' })).toContain('/proc/sys/net/ipv4/conf/eth0.1/forwarding');
  });
  test('what belongs to the host is refused', () => {
    for (const name of ['kernel.panic', 'vm.swappiness', 'net.../../kernel.panic', 'net/../kernel/panic']) {
      expect(() => sysctlWrites({ [name]: '1' }, own), name).toThrow(/not separate/);
    }
    const net = { 'net.core.somaxconn': '1' };
    expect(() => sysctlWrites(net, { ...own, network: false })).toThrow(/no network of its own/);
    expect(() => sysctlWrites({ 'kernel.shmmni': '1' }, { ...own, ipc: false })).toThrow(/no IPC namespace of its own/);
    expect(() => sysctlWrites({ 'kernel.domainname': 'x' }, { ...own, uts: false })).toThrow(/no UTS namespace/);
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

test('a resolver of ours is asked without search first, a host’s loopback one is never handed on', () => {
  const dns = { servers: [], search: [], options: [] };
  const host = '# c\nnameserver 127.0.0.1\nnameserver 192.0.2.1\nsearch a.example\nsearch b.example\noptions rotate\n';
  expect(resolvText(dns, { servers: ['10.1.0.1'], host })).toBe(
    'nameserver 10.1.0.1\nsearch b.example\noptions rotate ndots:0\n',
  );
  expect(resolvText({ ...dns, search: ['.'] }, { servers: [], host })).toBe('nameserver 192.0.2.1\noptions rotate\n');
});
