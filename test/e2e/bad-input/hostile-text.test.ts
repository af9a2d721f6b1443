/** Texts that mean harm, from a file, a command line or a container: they reach programs as they are, and no terminal. */
import { expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';

const NASTY = 'a\\e[2Jb\\r\\u202ec\\u009b1m\\nweb-2 forged';
const stack = useStack({
  files: {
    'compose.yaml': `
name: hostile
services:
  web:
    image: busybox
    command: [sh, -c, "trap exit TERM; while :; do sleep 0.1; done", "${NASTY}"]
    network_mode: none
    user: \${WHO:-}
    labels: { own: "\${MARK:-}${NASTY}" }
    environment: { LINES_OF: "one\\ntwo\\tthree", LAST: yes }
`,
    'nul-environment.yaml': `services: { web: { image: busybox, network_mode: none, environment: { A: "x\\0y" } } }`,
    'nul-command.yaml': `services: { web: { image: busybox, network_mode: none, command: [echo, "a\\0b"] } }`,
    'nul-label.yaml': `services: { web: { image: busybox, network_mode: none, labels: { A: "a\\0b" } } }`,
    'newline-name.yaml': `services: { web: { image: busybox, network_mode: none, container_name: "a\\nb" } }`,
  },
});
/** All but what ends a line, separates columns, or is harmless text. */
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;
const expectPlain = (text: string) => {
  expect(text).not.toMatch(CONTROL);
  expect(text).not.toMatch(/^web-2 forged/m);
};

test('what is shown of labels and commands is plain text: plan, up, ps, top, events', async () => {
  const shown: string[] = [await stack.must('plan')];
  const up = await stack.run('up', '-d');
  expect(up.code, up.stderr).toBe(0);
  shown.push(up.stdout, up.stderr);
  for (const argv of [['ps'], ['ps', '--no-trunc'], ['top'], ['events', '--since', '10m', '--until', '0s'], ['images']])
    shown.push(await stack.must(...argv));
  const changed = await stack.runWith({ env: { ...stack.instance.env, MARK: 'other' } }, 'plan');
  expect(changed.stdout).toContain('own');
  shown.push(changed.stdout);
  for (const text of shown) expectPlain(text);
  expect(shown.join('')).toContain('\\x1b[2Jb');
});

test('an error that quotes a file, or a container, is plain text', async () => {
  const failed = await stack.runWith({ env: { ...stack.instance.env, WHO: '\x1b[2J\u202eme' } }, 'up', '-d');
  expect(failed.code).not.toBe(0);
  expect(failed.stderr).toContain('unable to find user');
  expectPlain(failed.stderr);
  await stack.must('up', '-d');
  const missing = await stack.run('exec', '-T', 'web', 'no\x1b[2J\u202esuch');
  expect(missing.code).not.toBe(0);
  expectPlain(missing.stderr);
});

test('what a container prints passes as it is, behind its name, as with Docker', async () => {
  await stack.must('up', '-d');
  await stack.must('exec', '-T', 'web', 'sh', '-c', 'printf "x\\033[31my\\rz\\n" > /proc/1/fd/1');
  expect(await stack.must('logs', '--no-color')).toContain('web-1  | x\x1b[31my\rz\n');
});

test('newlines and tabs reach a program as they are, from the file and from the command line', async () => {
  const environment = await stack.must('exec', '-T', '-e', 'MORE=a\nLAST=forged', 'web', 'cat', '/proc/self/environ');
  const values = environment.split('\0');
  expect(values).toContain('LINES_OF=one\ntwo\tthree');
  expect(values).toContain('MORE=a\nLAST=forged');
  expect(values).toContain('LAST=yes');
  expect(await stack.must('exec', '-T', 'web', 'printf', '%s|', 'a\nb', 'c\r')).toBe('a\nb|c\r|');
});

test.each([
  ['nul-environment.yaml', /NUL/],
  ['nul-command.yaml', /NUL/],
  ['nul-label.yaml', /NUL/],
  ['newline-name.yaml', /container_name|pattern|a.*b/],
])('%s is refused by name, with its line, before anything is made', async (file, why) => {
  const { code, stderr } = await stack.run('-f', file, '-p', 'other', 'up', '-d');
  expect(code).not.toBe(0);
  expect(stderr).toMatch(why);
  expect(stderr).toContain(`${file}:1:`);
  expectPlain(stderr);
  expect(await stack.must('-p', 'other', '-f', file, 'ps', '-a').catch(() => '')).not.toContain('other-web');
});
