/** A stack whose images are built: `up` makes what is missing, `build` what is asked, and a failure shows where in the Dockerfile. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TCOMPOSE, useStack } from '../../helpers/tcompose.ts';
import { openTerminal } from '../../helpers/terminal.ts';

const stack = useStack({
  files: {
    'compose.yaml': `
name: built
services:
  web:
    build:
      context: ./web
      args: {WHO: you}
      additional_contexts: {tools: "service:tools"}
      secrets: [token]
    command: [sh, -c, "cat /hello /tool; sleep 600"]
    stop_grace_period: 0s
  tools:
    profiles: [only-to-build]
    build:
      dockerfile_inline: |
        FROM busybox
        RUN echo a tool > /tool
  broken:
    profiles: [broken]
    build:
      dockerfile_inline: |
        FROM busybox
        RUN echo fine
        RUN printf 'before \\033[2Jthe end\\n'; exit 7
secrets:
  token: {environment: TOKEN}
`,
    'web/Dockerfile': `FROM busybox AS made
ARG WHO
RUN --mount=type=secret,id=token echo "hello $WHO, $(cat /run/secrets/token)" > /hello
FROM busybox
COPY --from=made /hello /
COPY --from=tools /tool /
COPY source.txt /
`,
    'web/source.txt': 'one',
  },
});

const env = () => ({ env: { ...stack.instance.env, TOKEN: 'hush' } });
const must = async (...argv: string[]) => {
  const { code, stdout, stderr } = await stack.runWith(env(), ...argv);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return stdout + stderr;
};
const containerId = async () => JSON.parse(await stack.must('ps', '--format', 'json')).ID as string;

test('a plan names what would be built, in order, and up builds it with its secret and the image of another service', async () => {
  const plan = JSON.parse((await stack.runWith(env(), 'plan', '--format', 'json')).stdout);
  expect(plan.steps.slice(0, 2).map(({ id }: { id: string }) => id)).toEqual([
    'image.build built-tools',
    'image.build built-web',
  ]);
  expect(JSON.stringify(plan)).not.toContain('hush');
  await must('up', '-d');
  await expect.poll(() => stack.must('logs', '--no-log-prefix')).toBe('hello you, hush\na tool\n');
});

test('up again builds nothing; after an edit up --build makes the container anew, and only then', async () => {
  const before = await containerId();
  expect(await must('up', '-d')).toContain('nothing to change');
  await must('up', '-d', '--build');
  expect(await containerId()).toBe(before);
  await stack.write('web/source.txt', 'two');
  const said = await must('up', '-d', '--build');
  expect(said).toMatch(/#\d+ CACHED/);
  expect(said).toContain('Recreated');
  expect(await containerId()).not.toBe(before);
  expect(await stack.must('exec', '-T', 'web', 'cat', '/source.txt')).toBe('two');
});

test('a failing step shows its output, its exit code and its lines, and nothing of it reaches the terminal raw', async () => {
  const { code, stderr } = await stack.runWith(env(), '--profile', 'broken', 'build', 'broken');
  expect(code).toBe(1);
  expect(stderr).toContain('error[build-step-failed]');
  expect(stderr).toContain('exit code: 7');
  expect(stderr).toMatch(/\n {2}3 \| >>> RUN printf/);
  expect(stderr).toContain('before the end');
  expect(stderr).not.toContain('\x1b[2J');
});

test('build -q prints nothing, build --print a bake file, build --check what is wrong with the Dockerfiles', async () => {
  expect(await must('build', '-q')).toBe('');
  const bake = JSON.parse((await stack.runWith(env(), 'build', '--print')).stdout);
  expect(bake.group.default.targets).toEqual(['tools', 'web']);
  expect(bake.target.web).toMatchObject({ args: { WHO: 'you' }, contexts: { tools: 'docker-image://built-tools' } });
  expect(await must('build', '--check')).toContain('Check complete');
});

test('image build takes a folder, a Dockerfile from a pipe, or an archive, and tells the id where it is asked to', async () => {
  const { folder, runWith, instance } = stack;
  const iid = join(folder, 'iid');
  await stack.write('one/Dockerfile', 'FROM busybox\nARG A\nLABEL a=$A\nCOPY f /f\n');
  await stack.write('one/f', 'f');
  const build = (...words: string[]) => runWith({ env: instance.env }, 'image', 'build', '-q', ...words);
  const named = await build('-t', 'mine:1', '--build-arg', 'A=b', '--iidfile', iid, 'one');
  expect(named.stdout.trim()).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(readFileSync(iid, 'utf8')).toBe(named.stdout.trim());
  const [image] = JSON.parse(await stack.must('image', 'inspect', 'mine:1'));
  expect(image.Config.Labels).toEqual({ a: 'b' });
  const piped = await runWith({ env: instance.env, input: 'FROM busybox\nENV X=y\n' }, 'image', 'build', '-q', '-');
  expect(piped.stdout).toMatch(/^sha256:/);
  expect((await build('--check', 'one')).code).toBe(0);
  expect((await build('nowhere')).code).not.toBe(0);
});

test('image build gives the files alone, as a folder or as a tar archive, and leaves no image then; an archive has its names', async () => {
  const { folder, runWith, instance } = stack;
  await stack.write('out/Dockerfile', 'FROM scratch\nCOPY f /d/f\nCOPY f /g\n');
  await stack.write('out/f', 'text');
  const build = (...words: string[]) => runWith({ env: instance.env }, 'image', 'build', '-q', ...words, 'out');
  const before = await stack.must('image', 'ls', '-aq');
  expect((await build('-t', 'unkept', '-o', join(folder, 'files'))).stderr).toBe('');
  expect(readFileSync(join(folder, 'files/d/f'), 'utf8')).toBe('text');
  const { stdout: tar } = await build('-o', 'type=tar,dest=-');
  expect(tar).toMatch(/\0d\/\0[\s\S]*\0d\/f\0[\s\S]*\0g\0/);
  expect(await stack.must('image', 'ls', '-aq')).toBe(before);
  const archive = join(folder, 'image.tar');
  await build('-t', 'kept', '-o', `type=oci,dest=${archive}`);
  await stack.must('image', 'rm', 'kept');
  expect(await stack.must('image', 'load', '-i', archive)).toContain('kept:latest');
  expect((await build('-o', 'type=tar')).stderr).toContain('says no place');
});

test('on a terminal the steps stand beneath their image', async () => {
  const terminal = openTerminal([TCOMPOSE, 'build', '--no-cache'], { cwd: stack.folder, ...env() });
  await terminal.ended;
  expect(terminal.seen()).toContain('Image built-web  Built');
  expect(terminal.seen()).toMatch(/=> \[web made 2\/2\] RUN/);
});
