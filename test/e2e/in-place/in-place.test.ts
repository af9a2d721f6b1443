/** The file changes what the kernel can change under a running process: plan says so, up does so, and the process stays the same. */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { runProgram } from '../../helpers/run-program.ts';
import { TCOMPOSE, useStack } from '../../helpers/tcompose.ts';
import {
  containers,
  fails,
  HOST,
  identities,
  inside,
  nothingToChange,
  notReachable,
  page,
  pageEventually,
  plannedSteps,
} from '../checks.ts';

const file = ({ web = '', other = '', more = '', networks = 'back: {}' } = {}) => `
name: place
services:
  web:
    image: busybox
    command: [sh, -c, "echo hello > /tmp/index.html && exec httpd -f -p 80 -h /tmp"]
    stop_grace_period: 0s
${web}
  other:
    image: busybox
    command: [sh, -c, "echo other > /tmp/index.html && exec httpd -f -p 80 -h /tmp"]
    stop_grace_period: 0s
    networks: [back]
${other}
${more}
networks:
  ${networks}
`;
const plain = '    ports: ["8080:80"]\n    networks: [default]';
const stack = useStack({ files: { 'compose.yaml': file({ web: plain }) } });

const startTime = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19];
async function processes(): Promise<Record<string, string>> {
  const known = await identities(stack);
  for (const [name, { Pid }] of Object.entries(await containers(stack))) known[name] += ` ${startTime(Pid)}`;
  return known;
}

/** Plans, applies, and looks: the steps are these, the processes the same, and nothing is left to do. */
async function changes(content: string, steps: readonly string[]): Promise<void> {
  const before = await processes();
  await stack.write('compose.yaml', content);
  expect((await plannedSteps(stack)).map(({ id }) => id)).toEqual(steps);
  const { stderr } = await stack.run('up', '-d');
  expect(stderr).toMatch(/Container place-\w+-1 +Updated/);
  const after = await processes();
  for (const [name, one] of Object.entries(before)) expect(after[name]).toBe(one);
  await nothingToChange(stack);
}

const UPDATE = 'container.update place-web-1';

test('a network, ports, names and addresses are changed in place, and back', async () => {
  await stack.must('up', '-d');
  expect(await pageEventually('http://127.0.0.1:8080/')).toBe('hello\n');
  const web = `
    ports: ["8081:80", "127.0.0.1:8082:80"]
    extra_hosts: ["far:192.0.2.1"]
    labels: {team: front}
    networks:
      default:
      back: {aliases: [second], ipv4_address: 10.78.0.77}`;
  const networks = 'back: {ipam: {config: [{subnet: 10.78.0.0/24}]}}';
  await stack.write('compose.yaml', file({ web: plain, networks }));
  await stack.must('up', '-d');
  await changes(file({ web, networks }), [UPDATE]);
  expect(await page(`http://${HOST}:8081/`, 'outside')).toBe('hello\n');
  expect(await page('http://127.0.0.1:8082/')).toBe('hello\n');
  await notReachable('http://127.0.0.1:8080/');
  expect(await inside(stack, 'other', 'wget', '-qO-', 'http://second/')).toBe('hello');
  expect(await inside(stack, 'web', 'wget', '-qO-', 'http://other/')).toBe('other');
  expect(await inside(stack, 'web', 'cat', '/etc/hosts')).toMatch(/192\.0\.2\.1\s+far/);
  const dry = await stack.run('--dry-run', 'up', '-d');
  expect(dry.code).toBe(0);
  await changes(file({ web: plain, networks }), [UPDATE]);
  expect(await page('http://127.0.0.1:8080/')).toBe('hello\n');
  await expect(inside(stack, 'other', 'wget', '-T', '1', '-qO-', 'http://10.78.0.77/')).rejects.toThrow();
});

test('a network that is new is made before those who join it, and goes after they left it', async () => {
  await stack.write('compose.yaml', file({ web: plain }));
  await stack.must('up', '-d');
  await changes(file({ web: `${plain.replace('default', 'default, third')}`, networks: 'back: {}\n  third: {}' }), [
    'network.create place_third',
    UPDATE,
  ]);
  await changes(file({ web: plain }), [UPDATE, 'network.remove place_third']);
});

test('the plan says in words what is changed in place', async () => {
  await stack.write('compose.yaml', file({ web: plain.replace('8080', '8090') }));
  const text = await stack.must('plan');
  expect(text).toMatch(
    /~ container place-web-1 +update in place +ports: "8080:80\/tcp" → "8090:80\/tcp" +compose\.yaml:/,
  );
  expect(text).toContain('1 to change in place');
  expect((await stack.run('plan', '--exit-code')).code).toBe(3);
});

test('two containers that swap a port are changed in one go', async () => {
  const with8088 = (web: string, other: string) =>
    file({ web: `    ports: ["${web}:80"]\n    networks: [default]`, other: `    ports: ["${other}:80"]` });
  await stack.write('compose.yaml', with8088('8080', '8088'));
  await stack.must('up', '-d');
  await changes(with8088('8088', '8080'), ['container.update place-other-1', UPDATE]);
  expect(await page(`http://${HOST}:8088/`, 'outside')).toBe('hello\n');
  expect(await page(`http://${HOST}:8080/`, 'outside')).toBe('other\n');
});

test('a port that somebody else has is refused before anything is touched', async () => {
  await stack.write('compose.yaml', file({ web: plain }));
  await stack.must('up', '-d');
  const { createServer } = await import('node:net');
  const holder = createServer().listen(8099, '0.0.0.0');
  try {
    const before = await processes();
    const more = '  new: {image: busybox, command: [sleep, "1000"]}';
    await stack.write('compose.yaml', file({ web: plain.replace('8080', '8099'), more }));
    fails(await stack.run('up', '-d'), { code: 1, says: ['8099', 'held by'] });
    expect(await processes()).toEqual(before);
    expect(await page('http://127.0.0.1:8080/')).toBe('hello\n');
  } finally {
    holder.close();
  }
});

test('--force-recreate makes anew, --no-recreate leaves everything as it is', async () => {
  await stack.write('compose.yaml', file({ web: plain }));
  await stack.must('up', '-d');
  const before = await processes();
  await stack.write('compose.yaml', file({ web: plain.replace('8080', '8091') }));
  await stack.must('up', '-d', '--no-recreate');
  expect(await processes()).toEqual(before);
  expect(await page('http://127.0.0.1:8080/')).toBe('hello\n');
  await stack.must('up', '-d', '--force-recreate', 'web');
  expect((await processes())['web']).not.toBe(before['web']);
  expect(await pageEventually('http://127.0.0.1:8091/')).toBe('hello\n');
});

test('a network that is connected by hand works, is named by plan, and taken off by up', async () => {
  await stack.write('compose.yaml', file({ web: plain }));
  await stack.must('up', '-d');
  const before = await processes();
  await stack.must('network', 'connect', '--alias', 'byhand', 'back', 'place-web-1');
  expect(await inside(stack, 'other', 'wget', '-qO-', 'http://byhand/')).toBe('hello');
  expect(await plannedSteps(stack)).toEqual([{ id: UPDATE, because: 'networks.place_back' }]);
  fails(await stack.run('network', 'connect', 'place_back', 'place-web-1'), {
    code: 1,
    says: ['already', 'place_back'],
  });
  await stack.must('up', '-d');
  await expect(inside(stack, 'other', 'wget', '-T', '1', '-qO-', 'http://byhand/')).rejects.toThrow();
  await stack.must('network', 'disconnect', 'default', 'place-web-1');
  await notReachable('http://127.0.0.1:8080/');
  expect(await plannedSteps(stack)).toEqual([{ id: UPDATE, because: 'networks.place_default' }]);
  fails(await stack.run('network', 'disconnect', 'default', 'place-web-1'), { code: 1, says: ['not connected'] });
  await stack.must('network', 'disconnect', '-f', 'default', 'place-web-1');
  await stack.must('up', '-d');
  expect(await page('http://127.0.0.1:8080/')).toBe('hello\n');
  expect(await processes()).toEqual(before);
  await nothingToChange(stack);
  fails(await stack.run('network', 'connect', 'nowhere', 'place-web-1'), {
    code: 1,
    says: ['no such network: nowhere'],
  });
  fails(await stack.run('network', 'connect', 'back', 'nobody'), { code: 1, says: ['no such container: nobody'] });
});

test('what has no network of its own cannot be connected', async () => {
  const more = '  alone: {image: busybox, command: [sleep, "1000"], network_mode: none, stop_grace_period: 0s}';
  await stack.write('compose.yaml', file({ web: plain, more }));
  await stack.must('up', '-d');
  const result = await stack.run('network', 'connect', 'back', 'place-alone-1');
  fails(result, { code: 1, says: ['network mode none'] });
  await stack.write('compose.yaml', file({ web: plain, more: more.replace('network_mode: none', 'networks: [back]') }));
  const steps = await plannedSteps(stack);
  expect(steps.map(({ id }) => id)).toContain('container.create place-alone-1');
});

test('connecting a running container takes less than three starts of Node (the aim is one and a half)', async () => {
  await stack.write('compose.yaml', file({ web: plain }));
  await stack.must('up', '-d', '--remove-orphans');
  const { Pid } = (await containers(stack))['web']!;
  const other = (await inside(stack, 'other', 'hostname', '-i')).trim();
  const timed = async (...argv: string[]) => {
    const begun = performance.now();
    const { code } = await runProgram(argv, { cwd: stack.folder, env: stack.instance.env });
    expect(code).toBe(0);
    return performance.now() - begun;
  };
  const [nodes, connects]: number[][] = [[], []];
  for (let round = 0; round < 7; round++) {
    nodes!.push(await timed(process.execPath, '-e', '0'));
    const connect = await timed(TCOMPOSE, 'network', 'connect', 'back', 'place-web-1');
    const ping = await timed('nsenter', '-t', String(Pid), '-n', 'busybox', 'ping', '-c1', '-W1', other);
    connects!.push(connect + ping);
    await stack.must('network', 'disconnect', 'back', 'place-web-1');
  }
  // The quickest of each: what else the machine does comes and goes.
  const ratio = Math.min(...connects!) / Math.min(...nodes!);
  console.log(`connect and ping: ${ratio.toFixed(2)} starts of Node`);
  expect(ratio).toBeLessThan(3);
});
