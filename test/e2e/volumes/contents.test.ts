/** Secrets and configs: where they come from, whose they are, and what another text means for those who read them. */
import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { useStack } from '../../helpers/tcompose.ts';
import { identities, nothingToChange, plannedSteps } from '../checks.ts';

const SECRET = 'not-to-be-found-anywhere';
const file = (onChange: string, text = 'one') => `
name: texts
services:
  web:
    image: busybox
    command: [sh, -c, "trap 'echo told >> /told' HUP; while :; do sleep 0.1; done"]
    stop_grace_period: 0s
    restart: always
    user: "70"
    read_only: true
    tmpfs: ["/run:mode=1777"]
    volumes: [data:/told.d]
    secrets: [plain, {source: variable, target: key, uid: "70", gid: "71", mode: 0400}]
    configs: [{source: text, target: /etc/text}, {source: owned, target: /etc/owned, mode: 0640, uid: "70"}]
${onChange}
volumes: {data: {}}
secrets:
  plain: {file: ./plain}
  variable: {environment: VARIABLE}
configs:
  text: {content: "${text} \${WORD}"}
  owned: {file: ./owned}
`;
const stack = useStack({
  files: {
    'compose.yaml': file('').replace("trap 'echo told >> /told' HUP;", "trap 'echo told >> /run/told' HUP;"),
    plain: 'plain',
    owned: 'owned',
    '.env': `WORD=word\nVARIABLE=${SECRET}\n`,
  },
});
const write = (onChange: string, text?: string) =>
  stack.write('compose.yaml', file(onChange, text).replace("'echo told >> /told'", "'echo told >> /run/told'"));
const inside = (...argv: string[]) => stack.must('exec', '-T', 'web', ...argv);
const texts = () => inside('cat', '/etc/text', '/etc/owned', '/run/secrets/plain', '/run/secrets/key');
const x = (onChange: string) => `    x-tcompose: {on_change: ${onChange}}`;

test('they come from files, variables and the file itself, with owner and mode, into a container that is read-only', async () => {
  await stack.must('up', '-d');
  expect(await texts()).toBe(`one wordownedplain${SECRET}`);
  expect(await inside('stat', '-c', '%a %u:%g', '/etc/text', '/etc/owned', '/run/secrets/key')).toBe(
    '444 0:0\n640 70:0\n400 70:71\n',
  );
  const mounts = (await inside('cat', '/proc/self/mountinfo')).split('\n');
  expect(mounts.find((line) => line.includes(' /run/secrets/key '))).toMatch(/ ro,nosuid,nodev,noexec.* - tmpfs /);
  await nothingToChange(stack);
});

test('a secret from a variable is on no disk, in no record and in no plan', async () => {
  const { root, run } = stack.instance;
  const found = (folder: string) =>
    execFileSync('sh', ['-c', `grep -rlF ${SECRET} ${folder} || true`], { encoding: 'utf8' });
  expect(found(root)).toBe('');
  expect(found(`${run}/contents`)).not.toBe('');
  await stack.write('.env', `WORD=word\nVARIABLE=other-${SECRET}\n`);
  const { stdout, stderr } = await stack.run('plan', '--format', 'json');
  expect(stdout + stderr).not.toContain(SECRET);
  expect((await plannedSteps(stack)).map(({ id }) => id)).toEqual(['container.update texts-web-1']);
  await stack.must('up', '-d');
  expect(await inside('cat', '/run/secrets/key')).toBe(`other-${SECRET}`);
  await stack.write('.env', `WORD=word\nVARIABLE=${SECRET}\n`);
  await stack.must('up', '-d');
});

test('another text is written under the running container, also that of a file that an editor replaced', async () => {
  const before = await identities(stack);
  await write('', 'two');
  writeFileSync(join(stack.folder, 'owned'), 'own');
  writeFileSync(join(stack.folder, 'new'), 'replaced');
  renameSync(join(stack.folder, 'new'), join(stack.folder, 'plain'));
  expect((await stack.must('plan')).replace(/ +/g, ' ')).toContain(
    'volumes./etc/text: "config text (0:0 444)" → "config text (0:0 444) (another content)"',
  );
  await stack.must('up', '-d');
  expect(await texts()).toBe(`two wordownreplaced${SECRET}`);
  expect(await identities(stack)).toEqual(before);
  await nothingToChange(stack);
});

test('a signal is sent where the file says so, and the container still starts again by its policy', async () => {
  await write(x('signal SIGHUP'), 'two');
  await stack.must('up', '-d');
  const before = await identities(stack);
  await write(x('signal SIGHUP'), 'three');
  expect(await plannedSteps(stack)).toEqual([
    { id: 'container.update texts-web-1', because: 'volumes./etc/text; then SIGHUP is sent to it' },
  ]);
  await stack.must('up', '-d');
  await eventually(async () => expect(await inside('cat', '/run/told')).toBe('told\n'));
  expect(await identities(stack)).toEqual(before);
  await nothingToChange(stack);
});

test.each([
  ['restart', ['container.stop texts-web-1', 'container.update texts-web-1', 'container.start texts-web-1']],
  ['recreate', ['container.stop texts-web-1', 'container.create texts-web-1', 'container.start texts-web-1']],
  ['none', []],
])('on_change: %s', async (word, steps) => {
  await write(x(word), 'before');
  await stack.must('up', '-d');
  await write(x(word), word);
  expect((await plannedSteps(stack)).map(({ id }) => id)).toEqual(steps);
  await stack.must('up', '-d');
  // Nobody notices: what the container had from the case before stays.
  expect(await inside('cat', '/etc/text')).toBe(word === 'none' ? 'recreate word' : `${word} word`);
  await nothingToChange(stack);
});

test('what it has is kept over a stop and a recreation for other reasons', async () => {
  await stack.must('stop');
  await stack.must('start');
  await write('    labels: {a: b}\n    hostname: other', 'none');
  await stack.must('up', '-d');
  expect(await texts()).toBe(`none wordownreplaced${SECRET}`);
});

test('after the machine went down configs are there again; a secret is given again by the next up, and the error says so', async () => {
  await stack.must('stop');
  rmSync(join(stack.instance.run, 'contents'), { recursive: true });
  const { code, stderr } = await stack.run('start');
  expect(code).not.toBe(0);
  expect(stderr).toContain('the text of secret variable is not kept on disk');
  await stack.must('up', '-d');
  expect(await texts()).toBe(`none wordownreplaced${SECRET}`);
  await nothingToChange(stack);
});

test.each([
  [
    'a variable that is not set',
    'secrets:\n  x: {environment: NOT_SET}',
    /environment variable "NOT_SET" required by secret x is not set/,
  ],
  ['an external one', 'secrets:\n  x: {external: true}', /external secret x|secrets and configs of a cluster/],
  [
    'a word for changes that is none',
    'secrets:\n  x: {file: ./plain, x-tcompose: {on_change: maybe}}',
    /on_change of secret x is "maybe"/,
  ],
])('%s is refused with its line', async (_what, section, message) => {
  await stack.write('bad.yaml', `name: bad\nservices:\n  a: {image: busybox, secrets: [x]}\n${section}\n`);
  const { code, stderr } = await stack.run('-f', 'bad.yaml', 'up', '-d');
  expect(code).not.toBe(0);
  expect(stderr).toMatch(message);
  expect(stderr).toContain('bad.yaml:5');
});

test('one that is too large to be carried about is bound, another content of it is seen, and what follows is done', async () => {
  const megabytes = (letter: string) => letter.repeat(3 << 20);
  await stack.write('large', megabytes('a'));
  const yaml = file('    x-tcompose: {on_change: signal HUP}')
    .replace('name: texts', 'name: large')
    .replace("'echo told >> /told'", "'echo told >> /run/told'")
    .replace('secrets: [plain,', 'secrets: [large,')
    .replace('plain: {file: ./plain}', 'large: {file: ./large}');
  await stack.write('large.yaml', yaml);
  const ask = (...argv: string[]) => stack.must('-f', 'large.yaml', ...argv);
  const steps = async () =>
    (JSON.parse(await ask('plan', '--format', 'json')) as { steps: { id: string }[] }).steps.map(({ id }) => id);
  await ask('up', '-d');
  expect(await steps()).toEqual([]);
  // The last byte alone, and of the same length: neither size nor beginning tell.
  await stack.write('large', `${megabytes('a').slice(1)}b`);
  expect(await ask('plan')).toContain('another content');
  expect(await steps()).toEqual(['container.update large-web-1']);
  await ask('up', '-d');
  expect((await ask('exec', '-T', 'web', 'tail', '-c', '1', '/run/secrets/large')).trim()).toBe('b');
  await eventually(async () => expect(await ask('exec', '-T', 'web', 'cat', '/run/told')).toBe('told\n'));
  expect(await steps()).toEqual([]);
  await ask('down', '-v');
});

test('one of any size may have an owner and a mode, another content of it is written in place, and a reboot takes nothing', async () => {
  const megabytes = (letter: string) => letter.repeat(3 << 20);
  await stack.write('large', megabytes('a'));
  await stack.write('small', 'small');
  await stack.write(
    'owned.yaml',
    `name: owned
services:
  web:
    image: busybox
    command: [sleep, "1000"]
    stop_grace_period: 0s
    secrets: [{source: large, uid: "70", gid: "71", mode: 0440}, {source: small, mode: 0400}]
    configs: [{source: large, target: /etc/large, mode: 0600}, nothing]
secrets: {large: {file: ./large}, small: {file: ./small}}
configs: {large: {file: ./large}, nothing: {content: ""}}
`,
  );
  const ask = (...argv: string[]) => stack.must('-f', 'owned.yaml', ...argv);
  const look = () =>
    ask(
      ...['exec', '-T', 'web', 'sh', '-c'],
      'cd /run/secrets; stat -c "%a %u:%g %s" large small /etc/large /nothing; tail -c 1 large; tail -c 1 /etc/large',
    );
  const seen = (last: string, size = 3 << 20) =>
    `440 70:71 ${size}\n400 0:0 5\n600 0:0 ${size}\n444 0:0 0\n${last}${last}`;
  await ask('up', '-d');
  expect(await look()).toBe(seen('a'));
  const steps = async () =>
    (JSON.parse(await ask('plan', '--format', 'json')) as { steps: { id: string }[] }).steps.map(({ id }) => id);
  expect(await steps()).toEqual([]);
  await stack.write('large', `${megabytes('a').slice(2)}b`);
  expect(await steps()).toEqual(['container.update owned-web-1']);
  await ask('up', '-d');
  expect(await look()).toBe(seen('b', (3 << 20) - 1));
  // What a reboot leaves: the file on the host is asked once more.
  await ask('stop');
  rmSync(join(stack.instance.run, 'contents'), { recursive: true });
  await ask('start');
  expect(await look()).toBe(seen('b', (3 << 20) - 1));
  await ask('down', '-v');
});
