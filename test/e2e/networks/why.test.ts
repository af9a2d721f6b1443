/** `tcompose why`: each break made for real, and the hop that it names. */
import { execFileSync } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import type { Why } from '../../../src/operations/why.ts';
import { eventually } from '../../helpers/eventually.ts';
import { killAll } from '../../helpers/kill-all.ts';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, pageEventually } from '../checks.ts';

const httpd = (address: string, port: number) =>
  `[sh, -c, "echo hi > /tmp/index.html && exec httpd -f -p ${address}${port} -h /tmp"]`;
const stack = useStack({
  files: {
    'compose.yaml': `
name: why
services:
  web: {image: busybox, command: ${httpd('', 80)}, ports: ["8080:80", "127.0.0.1:8081:80", "8083:83"], networks: [front, back], stop_grace_period: 0s}
  db: {image: busybox, command: ${httpd('', 5432)}, networks: [back], stop_grace_period: 0s}
  shy: {image: busybox, command: ${httpd('127.0.0.1:', 80)}, networks: [front], stop_grace_period: 0s}
  far: {image: busybox, command: ${httpd('', 80)}, networks: [apart], stop_grace_period: 0s}
networks:
  front: {}
  back: {internal: true}
  apart: {}
`,
  },
});

interface Answer extends Why {
  readonly code: number;
}
async function why(...argv: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await stack.run('why', '--format', 'json', ...argv);
  if (stdout === '') throw new Error(stderr);
  return { ...(JSON.parse(stdout) as Why), code };
}
/** The last hop that is not the attempt. */
const told = ({ hops, brokenAt }: Answer) => hops.find(({ hop }) => hop === brokenAt);
async function breaksAt(hop: string, says: string | RegExp, ...argv: string[]): Promise<void> {
  const answer = await why(...argv);
  expect({ works: answer.works, at: answer.brokenAt, code: answer.code }, JSON.stringify(answer.hops)).toEqual({
    works: false,
    at: hop,
    code: 1,
  });
  expect(`${told(answer)?.says}\n${told(answer)?.help}`).toMatch(says);
}
async function works(...argv: string[]): Promise<Answer> {
  const answer = await why(...argv);
  expect([answer.works, answer.code], JSON.stringify(answer.hops)).toEqual([true, 0]);
  return answer;
}
const link = (prefix: string) =>
  (JSON.parse(execFileSync('ip', ['-j', 'link', 'show'], { encoding: 'utf8' })) as { ifname: string }[])
    .map(({ ifname }) => ifname)
    .filter((name) => name.startsWith(prefix));
const ip = (...argv: string[]) => execFileSync('ip', argv);
const hops = ({ hops }: Answer) => hops.map(({ hop, state }) => `${hop} ${state}`);

let undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.reverse()) await step();
  undo = [];
});

test('what works is followed to its end', async () => {
  await stack.must('up', '-d');
  await pageEventually('http://127.0.0.1:8080/');
  await eventually(async () => expect((await works('web', 'db:5432')).from).toBe('web'));
  expect(hops(await works('web', 'db:5432'))).toEqual(
    ['asker', 'name', 'address', 'route', 'links', 'rules', 'listener', 'connect'].map((hop) => `${hop} ok`),
  );
  expect(hops(await works('host', 'web:80'))).toContain('published ok');
  await works('outside', 'web:80');
  await works('web', 'why-db-1:5432');
  await works('web', 'db');
  const text = await stack.must('why', 'web', 'db:5432');
  expect(text).toMatch(/^ ✔ asker .*\n ✔ name +db is 1.*\n/);
  expect(text).toMatch(/web → db:5432 works\n$/);
});

test('nothing listens, or on the loopback address only', async () => {
  await breaksAt('listener', /what listens: 5432/, 'web', 'db:5433');
  await breaksAt('listener', /127\.0\.0\.1 only[\s\S]*0\.0\.0\.0/, 'web', 'shy:80');
});

test('no network is shared: what to add is said; so it is for an address', async () => {
  await breaksAt('name', /share no network[\s\S]*web: \{networks: \[apart\]\}/, 'web', 'far:80');
  const address = (await stack.must('exec', '-T', 'far', 'hostname', '-i')).trim();
  await breaksAt('address', /why-far-1's[\s\S]*share no network/, 'web', `${address}:80`);
});

test('an internal network leads to nobody outside', async () => {
  await breaksAt('address', /every network of why-db-1 is internal/, 'db', '198.51.100.1:80');
  await breaksAt('connect', /refused/, 'web', '198.51.100.1:80');
  await breaksAt('name', /no such name/, 'db', 'nobody.invalid:80');
});

test('a port that is not published, or on the loopback only', async () => {
  await breaksAt('published', /not published[\s\S]*5432:5432/, 'host', 'db:5432');
  await stack.write('loopback.yaml', 'services: {db: {networks: [front], ports: ["127.0.0.1:5432:5432"]}}\n');
  await stack.must('-f', 'compose.yaml', '-f', 'loopback.yaml', 'up', '-d');
  undo.push(() => stack.must('up', '-d'));
  await works('host', 'db:5432');
  await breaksAt('published', /loopback/, 'outside', 'db:5432');
});

test('a published port at which nothing listens inside', async () => {
  await breaksAt('listener', /nothing listens on port 83/, 'host', 'web:83');
});

test('a target that was stopped', async () => {
  await stack.must('stop', 'db');
  undo.push(() => stack.must('up', '-d'));
  await breaksAt('name', /why-db-1 does not run \(exited with \d+\)/, 'web', 'db:5432');
  await breaksAt('asker', /does not run/, 'db', 'web:80');
});

test('a rule of somebody else that drops, and rules of ours that were flushed', async () => {
  const rule = ['FORWARD', '-p', 'tcp', '--dport', '80', '-j', 'DROP'];
  execFileSync('iptables', ['-t', 'mangle', '-I', ...rule]);
  undo.push(() => execFileSync('iptables', ['-t', 'mangle', '-D', ...rule]));
  await breaksAt('rules', /by a rule of mangle FORWARD: .*--dport 80[\s\S]*not tcompose's/, 'outside', 'web:80');
});

test('a chain of ours that was flushed is named, and up puts it back', async () => {
  undo.push(() => stack.must('up', '-d'));
  execFileSync('iptables', ['-t', 'filter', '-F']);
  execFileSync('iptables', ['-t', 'filter', '-P', 'FORWARD', 'DROP']);
  await breaksAt('rules', /policy DROP of the chain FORWARD[\s\S]*tcompose up/, 'outside', 'web:80');
});

test('an interface that is down, and a bridge', async () => {
  undo.push(() => stack.must('up', '-d'));
  const { Pid } = (await containers(stack))['db']!;
  execFileSync('nsenter', ['-t', String(Pid), '-n', 'ip', 'link', 'set', 'eth0', 'down']);
  await breaksAt('links', /the interface eth0 in the container .*target's side.* is down/, 'web', 'db:5432');
  await breaksAt('asker', /eth0.*is down/, 'db', 'web:80');
  execFileSync('nsenter', ['-t', String(Pid), '-n', 'ip', 'link', 'set', 'eth0', 'up']);
  for (const veth of link('tcv')) ip('link', 'set', veth, 'down');
  await breaksAt('links', /host's end tcv.* is down/, 'host', 'web:80');
});

test('a name server that was killed together with its keeper', async () => {
  undo.push(() => stack.must('up', '-d'));
  const all = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  const mine = all.filter((line) => line.includes('--conf-file='));
  killAll([...mine.filter((one) => one.includes(' keep ')), ...mine].map((line) => Number.parseInt(line, 10)));
  await breaksAt('name', /name server of why-web-1.*does not run[\s\S]*tcompose up/, 'web', 'db:5432');
});

test('after all of this, everything works again', async () => {
  await stack.must('up', '-d');
  await works('web', 'db:5432');
  await works('host', 'web:80');
});

test('what is no target is refused with its form', async () => {
  const { code, stderr } = await stack.run('why', 'web', 'db:http');
  expect([code, stderr]).toEqual([2, expect.stringContaining('is no target')]);
});
