/** The CLI is killed with SIGKILL at random moments of up and down; the same command, run again, converges and leaks nothing. */
import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { containers, nothingToChange, pageEventually } from '../e2e/checks.ts';
import { eventually } from '../helpers/eventually.ts';
import { describeChanges, readHostFacts } from '../helpers/host-facts.ts';
import { TCOMPOSE, useStack } from '../helpers/tcompose.ts';

const ROUNDS = Number(process.env['TCOMPOSE_FAULT_ROUNDS'] ?? 12);
const stack = useStack({
  files: {
    'compose.yaml': `
name: fault
services:
  web:
    image: busybox
    command: [sh, -c, "echo hello > /tmp/index.html && exec httpd -f -p 80 -h /tmp"]
    ports: ["8080:80"]
    volumes: [data:/data, /anonymous]
    depends_on: { api: { condition: service_healthy } }
  api:
    image: busybox
    command: [sleep, "1000"]
    stop_signal: KILL
    healthcheck: { test: [CMD, "true"], interval: 200ms }
    networks: { default: { aliases: [backend] } }
volumes: { data: }
`,
  },
});

/** Resolves with whether it was still running when it was hit. */
function killAfter(delayMs: number, ...argv: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(TCOMPOSE, argv, { cwd: stack.folder, env: stack.instance.env, stdio: 'ignore' });
    const timer = setTimeout(() => child.kill('SIGKILL'), delayMs);
    child.on('exit', (_, signal) => {
      clearTimeout(timer);
      resolve(signal === 'SIGKILL');
    });
  });
}

/** Moments spread over the whole run, not where a random number happens to fall; a little shaken, so that runs differ. */
const moments = (wholeMs: number) =>
  Array.from({ length: ROUNDS }, (_, i) => Math.round(((i + Math.random()) / ROUNDS) * wholeMs));

async function converges(): Promise<void> {
  await stack.must('up', '-d');
  expect(await pageEventually('http://127.0.0.1:8080/')).toBe('hello\n');
  expect(
    Object.values(await containers(stack))
      .map(({ Name, State }) => `${Name} ${State}`)
      .sort(),
  ).toEqual(['fault-api-1 running', 'fault-web-1 running']);
  await nothingToChange(stack);
}

async function leavesNothing(): Promise<void> {
  await stack.must('down', '-v', '-t', '0');
  // What the killed one had started (an `ip`, say) may still be ending.
  await eventually(
    async () => expect(describeChanges(stack.instance.before, await readHostFacts())).toEqual([]),
    2_000,
  );
  expect(await stack.must('volume', 'ls', '-q')).not.toContain('fault_data');
}

describe('killed during', () => {
  test('up: the next up converges, and down leaves nothing', async () => {
    const whole = (await stack.runWith({}, 'up', '-d')).elapsedMs;
    await leavesNothing();
    let hits = 0;
    for (const moment of moments(whole)) {
      if (await killAfter(moment, 'up', '-d')) hits += 1;
      await converges();
      await leavesNothing();
    }
    expect(hits, 'most kills met a running command').toBeGreaterThan(ROUNDS / 2);
  });

  test('up: down alone leaves nothing', async () => {
    await stack.must('up', '-d');
    const whole = (await stack.runWith({}, 'up', '-d', '--force-recreate', '-t', '0')).elapsedMs;
    await leavesNothing();
    for (const moment of moments(whole)) {
      await killAfter(moment, 'up', '-d');
      await leavesNothing();
    }
  });

  test('a recreation: the next up converges', async () => {
    await stack.must('up', '-d');
    const whole = (await stack.runWith({}, 'up', '-d', '--force-recreate', '-t', '0')).elapsedMs;
    for (const moment of moments(whole)) {
      await killAfter(moment, 'up', '-d', '--force-recreate', '-t', '0');
      await converges();
    }
    await leavesNothing();
  });

  test('down: the next down leaves nothing, or the next up converges', async () => {
    await stack.must('up', '-d');
    const whole = (await stack.runWith({}, 'down', '-t', '0')).elapsedMs;
    for (const [round, moment] of moments(whole).entries()) {
      await stack.must('up', '-d');
      await killAfter(moment, 'down', '-v', '-t', '0');
      if (round % 2 === 0) await converges();
      await leavesNothing();
    }
  });
});

test('two at once: one waits or is refused by name, and the stack is whole', async () => {
  const results = await Promise.all([stack.run('up', '-d'), stack.run('up', '-d'), stack.run('up', '-d')]);
  for (const { code, stderr } of results.filter((result) => result.code !== 0)) {
    expect(code).toBe(1);
    expect(stderr).toMatch(/pid \d+/);
  }
  expect(results.some(({ code }) => code === 0)).toBe(true);
  await converges();
  await leavesNothing();
});
