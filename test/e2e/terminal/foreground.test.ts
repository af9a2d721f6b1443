/** `up` in the foreground: the services' output with their names before it, and Ctrl-C once and twice. */
import { expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { TCOMPOSE, useStack } from '../../helpers/tcompose.ts';
import { CTRL_C, openTerminal } from '../../helpers/terminal.ts';
import { containers } from '../checks.ts';

const stack = useStack({
  files: {
    'compose.yaml': `
name: front
services:
  polite:
    image: busybox
    command: [sh, -c, 'trap "echo goodbye; exit 0" TERM; echo ready; while :; do sleep 0.1; done']
  deaf:
    image: busybox
    command: [sh, -c, 'trap "" TERM; echo ready; while :; do sleep 0.1; done']
    stop_grace_period: 60s
  unlogged:
    image: busybox
    profiles: [unlogged]
    logging: {driver: none}
    restart: on-failure:2
    command: [sh, -c, 'seq 1 20000; printf "the end"; exit 3']
`,
  },
});
const up = (...services: string[]) =>
  openTerminal([TCOMPOSE, 'up', ...services], { cwd: stack.folder, env: stack.instance.env });

test('the first Ctrl-C stops gracefully, the output is seen to its end', async () => {
  const terminal = up('polite');
  await terminal.waitFor(/polite-1\s+\| ready/);
  terminal.type(CTRL_C);
  await terminal.waitFor(/polite-1\s+\| goodbye/);
  expect(await terminal.ended).toBe(130);
  expect((await containers(stack))['polite']).toMatchObject({ State: 'exited', ExitCode: 0 });
});

test('the second Ctrl-C ends at once what does not listen', async () => {
  const terminal = up();
  await terminal.waitFor(/deaf-1\s+\| ready/);
  terminal.type(CTRL_C);
  await terminal.waitFor(/polite-1\s+\| goodbye/);
  terminal.type(CTRL_C);
  const begun = performance.now();
  expect(await terminal.ended).toBe(130);
  expect(performance.now() - begun).toBeLessThan(10_000);
  await eventually(async () => expect((await containers(stack))['deaf']!.State).toBe('exited'));
});

test('what other commands restart, start or make anew goes on being shown, each line once, until nothing runs', async () => {
  await stack.must('down', '-t', '0');
  const first = up('polite');
  await first.waitFor(/polite-1\s+\| ready/);
  await stack.must('restart', 'polite');
  await first.waitFor(/polite-1 exited with code 0 \(restarting\)[\s\S]*polite-1\s+\| ready/);
  await stack.must('up', '-d', '--force-recreate', 'polite');
  await first.waitFor(/polite-1 has been recreated[\s\S]*polite-1\s+\| ready/);
  await stack.must('stop', 'polite');
  expect(await first.ended).toBe(0);
  expect(first.seen().match(/\| ready/g)).toHaveLength(3);
  expect(first.seen().match(/\| goodbye/g)).toHaveLength(3);
});

test('what no log keeps is shown whole, from the first word to the last, over restarts by policy', async () => {
  const { stdout, stderr, code } = await stack.run('up', '--no-log-prefix', 'unlogged');
  expect(code).toBe(0);
  const once = [...Array.from({ length: 20_000 }, (_, i) => `${i + 1}`), 'the end'];
  expect(stdout.trimEnd().split('\n')).toEqual([...once, ...once, ...once]);
  expect(stderr.match(/unlogged-1 exited with code 3 \(restarting\)/g)).toHaveLength(2);
  expect(await stack.must('logs', 'unlogged')).toBe('');
});

test('without a terminal there is no control sequence in what is printed', async () => {
  const result = await stack.run('up', '-d');
  expect(result.code).toBe(0);
  expect(result.stdout + result.stderr).not.toContain('\x1b');
  await stack.must('down', '-t', '0');
});

test('--progress json prints one object a line', async () => {
  const result = await stack.run('--progress', 'json', 'up', '-d');
  expect(result.code).toBe(0);
  const lines = result.stderr.split('\n').filter(Boolean);
  expect(lines.length).toBeGreaterThan(3);
  for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow();
});
