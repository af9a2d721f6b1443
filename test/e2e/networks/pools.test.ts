/** Subnets beside a VPN: one that comes later is named by the plan, and what is made anew gets out of its way. */
import { execFileSync } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';

const stack = useStack({
  files: {
    'compose.yaml': 'name: pools\nservices: {web: {image: busybox, command: [sleep, "1000"], stop_grace_period: 0s}}\n',
  },
});
const ip = (...argv: string[]) => execFileSync('ip', argv, { encoding: 'utf8' });
const subnet = async () =>
  (
    JSON.parse(await stack.must('network', 'inspect', 'pools_default')) as [{ IPAM: { Config: [{ Subnet: string }] } }]
  )[0].IPAM.Config[0].Subnet;
afterEach(() => {
  ip('link', 'del', 'vpn0');
});

test.each([
  [
    'shadows it',
    (own: string) => own.replace(/\.0\/22$/, '.128/25'),
    /is shadowed by this host's route .* leads to vpn0/,
  ],
  [
    'is wider',
    (own: string) => own.replace(/^(\d+\.\d+)\..*/, '$1.0.0/16'),
    /hides a part of this host's route .*\/16 .*vpn0/,
  ],
])('a route that appears later and %s is named; made anew, the network avoids it', async (_, routeOf, says) => {
  ip('link', 'add', 'vpn0', 'type', 'veth', 'peer', 'name', 'vpn1');
  ip('link', 'set', 'vpn0', 'up');
  await stack.must('up', '-d');
  const own = await subnet();
  expect((await stack.run('plan')).stdout).not.toContain('vpn0');
  ip('route', 'add', routeOf(own), 'dev', 'vpn0');
  const { stdout, stderr } = await stack.run('plan');
  expect(stdout + stderr).toMatch(says);
  await stack.must('down');
  await stack.must('up', '-d');
  expect(await subnet()).not.toBe(own);
  expect((await stack.run('plan')).stdout).not.toContain('vpn0');
  await stack.must('down');
});
