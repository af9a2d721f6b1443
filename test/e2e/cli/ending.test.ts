/** How a foreground `up` ends, and with which exit code; what --dry-run leaves; what JSON progress says. */
import { expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';

const stack = useStack({
  files: {
    'compose.yaml': `
name: ending
services:
  job:
    image: busybox
    command: [sh, -c, 'echo working; sleep 0.3; exit 7']
  good:
    image: busybox
    command: [sh, -c, 'echo done']
  server:
    image: busybox
    command: [sh, -c, 'trap "exit 0" TERM; echo serving; while :; do sleep 0.1; done']
`,
  },
});

test('up ends with 0 when all containers have ended by themselves, whatever their codes', async () => {
  const { code, stdout, stderr } = await stack.run('up', 'job', 'good');
  expect(code).toBe(0);
  expect(stdout).toContain('job-1   | working\n');
  expect(stderr).toContain('job-1 exited with code 7');
});

test('--exit-code-from gives the code of that service, and stops the others', async () => {
  const { code, stderr } = await stack.run('up', '--exit-code-from', 'job');
  expect(code).toBe(7);
  expect(stderr).toContain('Aborting on container exit...');
  expect(stderr).toContain(' Container ending-server-1  Stopped');
});

test('--exit-code-from a service that there is not is a mistake, and nothing has begun', async () => {
  await stack.must('down');
  const { code, stderr } = await stack.run('up', '--exit-code-from', 'jbo');
  expect(code).toBe(2);
  expect(stderr).toContain('no such service: jbo');
  expect(await stack.must('ps', '-aq')).toBe('');
});

test('--abort-on-container-failure lets a good end pass', async () => {
  const { code, stderr } = await stack.run('up', '--abort-on-container-failure');
  expect(code).toBe(7);
  expect(stderr).toContain('Aborting on container failure...');
  expect(stderr).toContain('good-1 exited with code 0');
});

test('--no-attach leaves out the lines of a service, --no-log-prefix the names', async () => {
  const { stdout } = await stack.run('up', '--no-attach', 'good', '--no-log-prefix', 'job', 'good');
  expect(stdout).toBe('working\n');
});

test('scale makes as many containers of a service as it says, and asks for a number', async () => {
  await stack.must('scale', 'server=2');
  expect(await stack.must('ps', '--format', '{{.Name}}')).toBe('ending-server-1\nending-server-2\n');
  await stack.must('scale', '--no-deps', 'server=1');
  expect(await stack.must('ps', '--format', '{{.Name}}')).toBe('ending-server-1\n');
  expect(await stack.run('scale', 'server')).toMatchObject({ code: 2 });
  await stack.must('scale', 'server=0');
});

test('--dry-run says what it would do and leaves nothing', async () => {
  await stack.must('down');
  const { stderr, code } = await stack.run('--dry-run', 'up', '-d');
  expect(code).toBe(0);
  expect(stderr).toContain('DRY-RUN MODE - Container ending-server-1  Started');
  expect(await stack.must('ps', '-aq')).toBe('');
  expect(await stack.must('network', 'ls', '-q')).toBe('');
});

test('progress for programs is one JSON object a line, errors too', async () => {
  const good = await stack.run('--progress', 'json', 'up', '-d', 'server');
  const lines = good.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { status: string });
  expect(lines.filter(({ status }) => status === 'Done').length).toBeGreaterThanOrEqual(3);
  const bad = await stack.run('--progress', 'json', 'up', '-d', 'nobody');
  expect(JSON.parse(bad.stderr)).toMatchObject({ error: true, message: expect.stringContaining('nobody') });
  await stack.must('down', '-t', '0');
});
