/** `attach`: a running container's streams, with a terminal and without; exec's terminal is the container's own. */
import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { TCOMPOSE, useStack } from '../../helpers/tcompose.ts';
import { openTerminal } from '../../helpers/terminal.ts';
import { containers } from '../checks.ts';

const stack = useStack({
  files: {
    'compose.yaml': `
name: join
services:
  reader:
    image: busybox
    command: [sh, -c, 'while read -r line; do echo "got $$line"; [ "$$line" = end ] && exit 5; done; exit 6']
    stdin_open: true
  loud:
    image: busybox
    init: true
    command: [sh, -c, 'trap "echo told; exit 9" USR1; while :; do echo out; echo err >&2; sleep 0.2; done']
  shell:
    image: busybox
    command: [sh]
    tty: true
    stdin_open: true
  web:
    image: busybox
    command: [sleep, "1000"]
`,
  },
});
const terminal = (...argv: string[]) =>
  openTerminal([TCOMPOSE, ...argv], { cwd: stack.folder, env: stack.instance.env });
const begin = (...argv: string[]) => {
  const child = spawn(TCOMPOSE, argv, { cwd: stack.folder, env: stack.instance.env, stdio: ['pipe', 'pipe', 'pipe'] });
  const seen = { out: '', err: '' };
  child.stdout.on('data', (text) => {
    seen.out += text;
  });
  child.stderr.on('data', (text) => {
    seen.err += text;
  });
  return { child, seen, ended: new Promise<number | null>((resolve) => child.once('exit', resolve)) };
};

test('what is typed goes to the container, what it prints comes back, its exit code is ours', async () => {
  await stack.must('up', '-d');
  const { child, seen, ended } = begin('attach', 'reader');
  child.stdin.write('hello\n');
  await eventually(() => expect(seen.out).toContain('got hello\n'));
  child.stdin.write('end\n');
  expect(await ended).toBe(5);
  expect(seen.out).toBe('got hello\ngot end\n');
});

test('both streams are told apart, and a signal is passed on', async () => {
  const { child, seen, ended } = begin('attach', '--no-stdin', 'loud');
  await eventually(() => expect(seen.err).toContain('err\n'));
  expect(seen.out).toContain('out\n');
  expect(seen.out).not.toContain('err');
  child.kill('SIGUSR1');
  expect(await ended).toBe(9);
  expect(seen.out).toContain('told\n');
});

test('without --sig-proxy a signal ends the client alone', async () => {
  await stack.must('up', '-d', 'loud');
  const { child, seen, ended } = begin('attach', '--sig-proxy=false', 'loud');
  await eventually(() => expect(seen.out).toContain('out\n'));
  child.kill('SIGTERM');
  await ended;
  expect((await containers(stack))['loud']!.State).toBe('running');
});

test('a terminal has its keys, its size, and the keys to leave by', async () => {
  const one = terminal('attach', 'shell');
  await eventually(() => one.type('\r'));
  await one.waitFor(/# /);
  one.type('stty size; tty\r');
  await one.waitFor(/30 100[\s\S]*\/dev\/pts\/0/);
  one.type('\x10\x11');
  expect(await one.ended).toBe(0);
  expect((await containers(stack))['shell']!.State).toBe('running');
  const other = terminal('attach', '--detach-keys', 'x,ctrl-y', 'shell');
  await eventually(() => other.type('\r'));
  await other.waitFor(/# /);
  other.type('x\x19');
  expect(await other.ended).toBe(0);
});

test('attach to what does not run says so, and wrong keys are refused', async () => {
  await stack.must('stop', '-t', '1', 'reader');
  expect(await stack.run('attach', 'reader')).toMatchObject({ code: 1 });
  const refused = await stack.run('attach', '--detach-keys', 'ctrl-1', 'shell');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('ctrl-1');
});

test('the terminal of an exec is one of the container: it has a name there', async () => {
  const one = terminal('exec', 'web', 'sh', '-c', 'tty; ls -l $(tty); echo done');
  await one.waitFor(/\/dev\/pts\/\d+[\s\S]*crw--w----[\s\S]*done/);
  expect(await one.ended).toBe(0);
});

test('a program that its client has left goes on', async () => {
  const one = terminal('exec', 'web', 'sh', '-c', 'echo begun; sleep 2; echo late > /tmp/late; echo more');
  await one.waitFor(/begun/);
  one.type('\x10\x11');
  expect(await one.ended).toBe(0);
  await eventually(async () => expect(await stack.must('exec', '-T', 'web', 'cat', '/tmp/late')).toBe('late\n'));
});

test('exec -d answers with 0 when the program runs, and with 127 or 126 and the reason when it cannot', async () => {
  expect((await stack.run('exec', '-d', 'web', 'sh', '-c', 'echo x > /tmp/ran')).code).toBe(0);
  await eventually(async () => expect(await stack.must('exec', '-T', 'web', 'cat', '/tmp/ran')).toBe('x\n'));
  const missing = await stack.run('exec', '-d', 'web', 'no-such-program');
  expect(missing.code).toBe(127);
  expect(missing.stderr).toContain('no-such-program');
  expect((await stack.run('exec', '-d', 'web', '/etc/passwd')).code).toBe(126);
});
