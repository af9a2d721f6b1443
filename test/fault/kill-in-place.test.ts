/** The CLI is killed with SIGKILL while it changes a running container in place; the next up finishes it, the process untouched. */
import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { identities, nothingToChange, notReachable, pageEventually } from '../e2e/checks.ts';
import { TCOMPOSE, useStack } from '../helpers/tcompose.ts';

const ROUNDS = Number(process.env['TCOMPOSE_FAULT_ROUNDS'] ?? 12);
const file = (web: string) => `
name: fault
services:
  web:
    image: busybox
    command: [sh, -c, "echo hello > /tmp/index.html && exec httpd -f -p 80 -h /tmp"]
    stop_signal: KILL
${web}
  other: {image: busybox, command: [sleep, "1000"], stop_signal: KILL, networks: [back]}
networks: {back: {ipam: {config: [{subnet: 10.79.0.0/24}]}}}
`;
const one = file('    ports: ["8080:80"]\n    networks: [default]');
const other = file('    ports: ["8081:80"]\n    networks: {back: {ipv4_address: 10.79.0.79, aliases: [second]}}');
const stack = useStack({ files: { 'compose.yaml': one } });

/** Resolves with whether it was still running when it was hit. */
function killAfter(delayMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(TCOMPOSE, ['up', '-d'], { cwd: stack.folder, env: stack.instance.env, stdio: 'ignore' });
    const timer = setTimeout(() => child.kill('SIGKILL'), delayMs);
    child.on('exit', (_, signal) => {
      clearTimeout(timer);
      resolve(signal === 'SIGKILL');
    });
  });
}

async function isAsOther(): Promise<void> {
  expect(await pageEventually('http://127.0.0.1:8081/')).toBe('hello\n');
  await notReachable('http://127.0.0.1:8080/');
  expect(await stack.must('exec', '-T', 'other', 'wget', '-qO-', 'http://second/')).toBe('hello\n');
  expect(await stack.must('exec', '-T', 'web', 'ip', '-4', 'address')).not.toContain('172.');
}

async function isAsOne(): Promise<void> {
  expect(await pageEventually('http://127.0.0.1:8080/')).toBe('hello\n');
  await notReachable('http://127.0.0.1:8081/');
  await notReachable('http://10.79.0.79/');
}

test('killed while it changes a container: the next up finishes the change or takes it back, as the file says by then', async () => {
  await stack.must('up', '-d');
  await pageEventually('http://127.0.0.1:8080/');
  const before = await identities(stack);
  await stack.write('compose.yaml', other);
  const whole = (await stack.runWith({}, 'up', '-d')).elapsedMs;
  await isAsOther();
  let hits = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await stack.write('compose.yaml', one);
    await stack.must('up', '-d');
    await stack.write('compose.yaml', other);
    if (await killAfter(Math.round(((round + Math.random()) / ROUNDS) * whole))) hits += 1;
    // Every other time somebody thinks better of it before the next run.
    const wish = round % 2 === 0 ? other : one;
    await stack.write('compose.yaml', wish);
    await stack.must('up', '-d');
    await nothingToChange(stack);
    await (wish === other ? isAsOther() : isAsOne());
    expect(await identities(stack)).toEqual(before);
  }
  expect(hits, 'most kills met a running command').toBeGreaterThan(ROUNDS / 2);
});
