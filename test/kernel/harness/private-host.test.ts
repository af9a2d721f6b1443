/** The private host notices what is left behind: a check that never fails would prove nothing. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readHostFacts } from '../../helpers/host-facts.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance, whatIsLeft } from '../../helpers/instance.ts';

let instance: Instance;
beforeAll(async () => {
  instance = await makeInstance();
});
afterAll(async () => {
  await nothingIsLeft(instance);
  await removeInstance(instance);
});

test('an interface, a rule, a mount and a sysctl that are left are each named', async () => {
  const forwarding = '/proc/sys/net/ipv4/ip_forward';
  const old = readFileSync(forwarding, 'utf8').trim();
  execFileSync('ip', ['link', 'add', 'left0', 'type', 'bridge']);
  execFileSync('iptables', ['-t', 'nat', '-N', 'LEFT']);
  execFileSync('mount', ['-t', 'tmpfs', 'left', '/mnt']);
  writeFileSync(forwarding, old === '1' ? '0' : '1');
  const left = await whatIsLeft(instance);
  writeFileSync(forwarding, old);
  execFileSync('umount', ['/mnt']);
  execFileSync('iptables', ['-t', 'nat', '-X', 'LEFT']);
  execFileSync('ip', ['link', 'del', 'left0']);
  expect(left).toEqual(
    expect.arrayContaining([
      '+ interfaces: left0',
      '+ rules: iptables nat chain LEFT',
      '+ mounts: /mnt tmpfs left',
      `+ sysctls: net/ipv4/ip_forward = ${old === '1' ? '0' : '1'}`,
    ]),
  );
});

test('a cgroup and a process in a namespace of its own that are left are each named', async () => {
  const top = readFileSync('/proc/self/mountinfo', 'utf8').match(/^(?:\S+ ){4}(\S+) .* - cgroup2? /m)![1]!;
  mkdirSync(`${top}/left`);
  const child = spawn('unshare', ['--mount', 'sleep', '60']);
  await expect.poll(async () => (await readHostFacts()).processes).toContain(`${child.pid} sleep`);
  const left = await whatIsLeft(instance);
  child.kill('SIGKILL');
  rmdirSync(`${top}/left`);
  expect(left).toEqual(expect.arrayContaining([`+ cgroups: ${top}/left`, `+ processes: ${child.pid} sleep`]));
});

test('the outside world is a neighbour that reaches the host by its address', () => {
  const reply = execFileSync('ip', ['netns', 'exec', 'outside', 'ip', 'route', 'get', '198.51.100.2'], {
    encoding: 'utf8',
  });
  expect(reply).toContain('dev eth0');
});
