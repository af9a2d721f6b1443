/** `logs`: what was printed, in order, followed over a restart. */
import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { TCOMPOSE, useStack } from '../../helpers/tcompose.ts';

const stack = useStack({
  files: {
    'compose.yaml': `
name: talk
services:
  counter:
    image: busybox
    command: [sh, -c, 'for i in 1 2 3; do echo out $$i; done; echo bad >&2; exec sleep 1000']
  short:
    image: busybox
    command: [printf, unfinished]
  long:
    image: busybox
    command: [sh, -c, 'head -c 40000 /dev/zero | tr "\\\\0" x; echo; exec sleep 1000']
`,
  },
});

test('lines keep their order and names; --tail and --no-log-prefix work', async () => {
  await stack.must('up', '-d');
  await eventually(async () => expect(await stack.must('logs', '--no-color', 'counter')).toContain('bad'));
  const lines = (await stack.must('logs', '--no-color', 'counter')).trimEnd().split('\n');
  expect(lines.filter((line) => line.includes('out')).map((line) => line.replace(/\s+\|/, ' |'))).toEqual(
    [1, 2, 3].map((n) => `counter-1 | out ${n}`),
  );
  expect(await stack.must('logs', '--no-color', '--no-log-prefix', '--tail', '1', 'counter')).toBe('bad\n');
});

test('a last line without an end is a line', async () => {
  await eventually(async () => {
    expect(await stack.must('logs', '--no-color', 'short')).toMatch(/^short-1\s+\| unfinished\n$/);
  });
});

test('a line longer than any buffer is one line', async () => {
  await eventually(async () => {
    const lines = (await stack.must('logs', '--no-color', '--no-log-prefix', 'long')).trimEnd().split('\n');
    expect(lines.map((line) => line.length)).toEqual([40_000]);
  });
});

test('logs -f goes on over a restart and ends when the container is removed', { timeout: 30_000 }, async () => {
  const child = spawn(TCOMPOSE, ['logs', '-f', '--no-color', 'counter'], {
    cwd: stack.folder,
    env: stack.instance.env,
  });
  let text = '';
  child.stdout.on('data', (data) => (text += data));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  await eventually(() => expect(text.match(/out 3/g)).toHaveLength(1));
  await stack.must('restart', '-t', '0', 'counter');
  await eventually(() => expect(text.match(/out 3/g)).toHaveLength(2));
  await stack.must('down', '-t', '0');
  const limit = setTimeout(() => child.kill('SIGKILL'), 10_000);
  expect(await ended, 'it ended by itself').toBe(0);
  clearTimeout(limit);
});
