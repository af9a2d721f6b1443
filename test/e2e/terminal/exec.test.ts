/** `exec`, with a terminal and without: job control, resizing, exit codes, streams. */
import { expect, test } from 'vitest';
import { TCOMPOSE, useStack } from '../../helpers/tcompose.ts';
import { CTRL_C, CTRL_D, CTRL_Z, openTerminal } from '../../helpers/terminal.ts';
import { inside } from '../checks.ts';

const stack = useStack({
  files: {
    'compose.yaml': `
name: talk
services:
  web:
    image: busybox
    command: [sleep, "1000"]
    environment: { COLOUR: blue }
    user: web
    working_dir: /tmp
`,
  },
});
const shell = (...argv: string[]) =>
  openTerminal([TCOMPOSE, 'exec', ...argv], { cwd: stack.folder, env: stack.instance.env });

test('a shell has job control', async () => {
  await stack.must('up', '-d');
  const terminal = shell('web', 'sh');
  await terminal.waitFor(/\$ /);
  terminal.type('sleep 500\r');
  await terminal.waitFor(/sleep 500/);
  await new Promise((resolve) => setTimeout(resolve, 200));
  terminal.type(CTRL_Z);
  await terminal.waitFor(/Stopped/);
  terminal.type('jobs\r');
  await terminal.waitFor(/Stopped\s+sleep 500/);
  terminal.type('fg\r');
  await terminal.waitFor(/sleep 500/);
  await new Promise((resolve) => setTimeout(resolve, 200));
  terminal.type(CTRL_C);
  await terminal.waitFor(/\$ /);
  terminal.type('kill %1; exit 42\r');
  expect(await terminal.ended).toBe(42);
});

test('a shell knows the size of the window, also after it changed', async () => {
  const terminal = shell('web', 'sh');
  await terminal.waitFor(/\$ /);
  terminal.type('stty size\r');
  await terminal.waitFor(/30 100/);
  terminal.resize(61, 17);
  await new Promise((resolve) => setTimeout(resolve, 300));
  terminal.type('stty size\r');
  await terminal.waitFor(/17 61/);
  terminal.type(CTRL_D);
  expect(await terminal.ended).toBe(0);
});

test('a shell that ends leaves no process in the container', async () => {
  const terminal = shell('web', 'sh');
  await terminal.waitFor(/\$ /);
  terminal.type('exec sh -c "exit 3"\r');
  expect(await terminal.ended).toBe(3);
  expect((await inside(stack, 'web', 'ps', '-o', 'comm')).split('\n').filter((name) => name === 'sh')).toEqual([]);
});

test('exec -T keeps output and errors apart, and passes input and the exit code on', async () => {
  const result = await stack.runWith(
    { input: 'from outside' },
    'exec',
    '-T',
    'web',
    'sh',
    '-c',
    'cat; echo oops >&2; exit 7',
  );
  expect(result).toMatchObject({ code: 7, stdout: 'from outside' });
  expect(result.stderr).toContain('oops\n');
});

test('exec runs as the user, in the folder and with the environment of the service, or as asked', async () => {
  expect(await inside(stack, 'web', 'sh', '-c', 'id -un; pwd; echo $COLOUR')).toBe('web\n/tmp\nblue');
  const asked = await stack.must(
    'exec',
    '-T',
    '-u',
    '0',
    '-w',
    '/etc',
    '-e',
    'COLOUR=red',
    'web',
    'sh',
    '-c',
    'id -un; pwd; echo $COLOUR',
  );
  expect(asked).toBe('root\n/etc\nred\n');
});

test('a command that is not there ends with 127, one that cannot be run with 126', async () => {
  expect((await stack.run('exec', '-T', 'web', 'no-such-program')).code).toBe(127);
  expect((await stack.run('exec', '-T', 'web', '/etc/passwd')).code).toBe(126);
});

test('binary data passes unchanged in both directions', async () => {
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256));
  const result = await stack.runWith(
    { input: bytes },
    'exec',
    '-T',
    'web',
    'sh',
    '-c',
    'cat > /tmp/x; wc -c < /tmp/x; od -An -tx1 -v /tmp/x 2>/dev/null | tail -n 1 || true',
  );
  expect(result.stdout.split('\n')[0]!.trim()).toBe('70000');
});
