/** What somebody broke by hand is named by plan and mended by up. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { killAll } from '../../helpers/kill-all.ts';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, HOST, identities, nothingToChange, page, pageEventually, plannedSteps } from '../checks.ts';

const stack = useStack({
  files: {
    'compose.yaml': `
name: drift
services:
  web:
    image: busybox
    command: [sh, -c, "echo hello > /tmp/index.html && exec httpd -f -p 80 -h /tmp"]
    ports: ["8080:80"]
  other:
    image: busybox
    command: [sh, -c, "echo other > /tmp/index.html && exec httpd -f -p 80 -h /tmp"]
    networks: { default: { aliases: [second] } }
`,
  },
});

const works = async () => {
  expect(await pageEventually('http://127.0.0.1:8080/')).toBe('hello\n');
  expect(await page(`http://${HOST}:8080/`, 'outside')).toBe('hello\n');
  expect(await stack.must('exec', '-T', 'web', 'wget', '-qO-', 'http://second/')).toBe('other\n');
};
const unchanged = async (service: string, act: () => Promise<unknown>) => {
  const before = (await identities(stack))[service];
  await act();
  expect((await identities(stack))[service]).toBe(before);
};

test('up twice changes nothing', async () => {
  await stack.must('up', '-d');
  await works();
  const before = await identities(stack);
  const again = await stack.run('up', '-d');
  expect(again.code).toBe(0);
  expect(await identities(stack)).toEqual(before);
  await nothingToChange(stack);
});

test('a process that was killed is named, and started again', async () => {
  const { Pid } = (await containers(stack))['web']!;
  process.kill(Pid, 'SIGKILL');
  await eventually(async () => expect((await containers(stack))['web']!.State).toBe('exited'));
  const steps = await plannedSteps(stack);
  expect(steps.map(({ id }) => id)).toEqual(['container.start drift-web-1']);
  expect(steps[0]!.because).toContain('137');
  await unchanged('other', () => stack.must('up', '-d'));
  await works();
  await nothingToChange(stack);
});

test('a supervisor that was killed takes nothing with it that up does not bring back', async () => {
  const { Pid } = (await containers(stack))['web']!;
  const supervisor = Number(readFileSync(`/proc/${Pid}/status`, 'utf8').match(/^PPid:\s+(\d+)/m)![1]);
  expect(supervisor, 'the container has a supervisor').toBeGreaterThan(1);
  process.kill(supervisor, 'SIGKILL');
  await eventually(async () => expect(await plannedSteps(stack)).not.toEqual([]));
  const steps = await plannedSteps(stack);
  expect(steps.every(({ id }) => id.endsWith(' drift-web-1'))).toBe(true);
  await unchanged('other', () => stack.must('up', '-d'));
  await works();
  await nothingToChange(stack);
});

test('an interface that was deleted is named and put back without a restart', async () => {
  const veth = JSON.parse(execFileSync('ip', ['-j', 'link', 'show', 'type', 'veth'], { encoding: 'utf8' }))
    .map((link: { ifname: string }) => link.ifname)
    .filter((name: string) => name.startsWith('tcv'))[0] as string;
  execFileSync('ip', ['link', 'del', veth]);
  const steps = await plannedSteps(stack);
  expect(steps).toHaveLength(1);
  expect(steps[0]!.because).toContain(veth);
  const before = await identities(stack);
  await stack.must('up', '-d');
  expect(await identities(stack)).toEqual(before);
  await works();
  await nothingToChange(stack);
});

test('a firewall table that was flushed is named and filled again without a restart', async () => {
  execFileSync('iptables', ['-t', 'nat', '-F']);
  const steps = await plannedSteps(stack);
  expect(steps.map(({ id }) => id)).toContain('container.repair drift-web-1');
  const before = await identities(stack);
  await stack.must('up', '-d');
  expect(await identities(stack)).toEqual(before);
  await works();
  await nothingToChange(stack);
});

test('a bridge that was deleted is named and made again, with everything on it', async () => {
  const bridge = JSON.parse(execFileSync('ip', ['-j', 'link', 'show', 'type', 'bridge'], { encoding: 'utf8' }))[0]
    .ifname as string;
  execFileSync('ip', ['link', 'del', bridge]);
  expect((await plannedSteps(stack)).map(({ id }) => id)).toContain('network.repair drift_default');
  const before = await identities(stack);
  await stack.must('up', '-d');
  expect(await identities(stack)).toEqual(before);
  await works();
  await nothingToChange(stack);
});

test('a name server that was killed together with its keeper is named and started again', async () => {
  const pids = (name: string) =>
    execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes(name) && line.includes('--conf-file='))
      .map((line) => Number.parseInt(line, 10));
  const [keepers, all] = [pids(' keep '), pids('dnsmasq')];
  expect([keepers.length, all.length]).toEqual([1, 2]);
  killAll([...keepers, ...all]);
  await eventually(async () => expect(await plannedSteps(stack)).not.toEqual([]));
  await stack.must('up', '-d');
  await works();
  await nothingToChange(stack);
});
