/** `run`: one command in a container of its own, as docker compose run does it. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { runProgram } from '../../helpers/run-program.ts';
import { TCOMPOSE, useStack } from '../../helpers/tcompose.ts';
import { openTerminal } from '../../helpers/terminal.ts';
import { identities } from '../checks.ts';

const stack = useStack({
  files: {
    'compose.yaml': `
name: oneoff
services:
  web:
    image: busybox
    command: [sleep, "1000"]
    init: true
    restart: always
    ports: ["18081:80"]
    volumes: ["/anonymous"]
    depends_on: { db: { condition: service_healthy } }
  db:
    image: busybox
    command: [sh, -c, "sleep 0.3; touch /ready; exec sleep 1000"]
    init: true
    healthcheck: { test: [CMD, test, -f, /ready], interval: 1s, start_interval: 100ms, start_period: 10s }
  tool:
    image: busybox
    profiles: [tools]
    network_mode: none
`,
    vars: 'FROM_FILE=file\nBOTH=file\n',
  },
});

const all = async () =>
  (await stack.must('ps', '-a', '--format', '{{.Name}} {{.State}} {{.ExitCode}}')).split('\n').filter(Boolean);

test('its dependencies are up and healthy first; it is removed with --rm, and its exit code is ours', async () => {
  const result = await stack.run('run', '--rm', '-T', 'web', 'sh', '-c', 'echo out; echo err >&2; exit 7');
  expect([result.code, result.stdout]).toEqual([7, 'out\n']);
  expect(result.stderr).toMatch(/oneoff-db-1 {2}Healthy[\s\S]*oneoff-web-run-[0-9a-f]{12} {2}Started[\s\S]*err\n/);
  expect(await all()).toEqual(['oneoff-db-1 running 0']);
  expect((await stack.must('volume', 'ls', '-q')).trim()).toBe('');
});

test('what is piped in comes through whole and ends, and so does what is piped out', async () => {
  const input = Buffer.alloc(20_000_000, 'some bytes \xff\x00\n', 'latin1');
  const sum = createHash('md5').update(input).digest('hex');
  const result = await stack.runWith({ input }, 'run', '--rm', '-q', '-T', '--no-deps', 'web', 'wc', '-c');
  expect([result.stdout.trim(), result.stderr]).toEqual(['20000000', '']);
  const back = await runProgram(['sh', '-c', '"$0" run --rm -q -T --no-deps web cat | md5sum', TCOMPOSE], {
    cwd: stack.folder,
    env: stack.instance.env,
    input,
  });
  expect(back.stdout.slice(0, 32)).toBe(sum);
});

test('output without a newline at its end, from a command that is over at once, is all there', async () => {
  expect(await stack.must('run', '--rm', '-T', '--no-deps', 'web', 'printf', 'x\\377y')).toBe('x\ufffdy');
});

test('flags say what it is: user, folder, environment, mounts, ports, entrypoint, name', async () => {
  const flags = ['-u', '99', '-w', '/tmp', '-e', 'BOTH=flag', '--env-from-file', 'vars', '-v', './vars:/here/vars:ro'];
  const script = 'id -u; pwd; echo $FROM_FILE $BOTH; cat /here/vars | wc -l; touch /here/vars 2>&1 | grep -o Read-only';
  const out = await stack.must('run', '--rm', '-T', '--no-deps', ...flags, '--entrypoint', 'sh -c', 'web', script);
  expect(out.split('\n').slice(0, 5)).toEqual(['99', '/tmp', 'file flag', '2', 'Read-only']);
  const printed = await stack.must('run', '-d', '--no-deps', '-P', '--name', 'named', 'web');
  expect(await stack.must('ps', '-q', '-a')).toContain(printed);
  expect(printed).toMatch(/^[0-9a-f]{64}\n$/);
  expect(await stack.must('ps', '-a', '--format', '{{if eq .Name "named"}}{{.State}} {{.Ports}}{{end}}')).toContain(
    'running 0.0.0.0:18081->80/tcp, [::]:18081->80/tcp',
  );
  const again = await stack.run('run', '--rm', '-T', '--no-deps', '--name', 'named', 'web', 'true');
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('the name named belongs to another')]);
  await stack.must('kill', '-s', 'KILL', 'web');
});

test('when nobody reads its output any more, it ends, and with --rm it is gone', async () => {
  const line = `${TCOMPOSE} run --rm -T --no-deps --name talker web yes | head -n 1; echo \${PIPESTATUS[0]}`;
  const { stdout } = await runProgram(['bash', '-c', line], { cwd: stack.folder, env: stack.instance.env });
  expect(stdout).toBe('y\n141\n');
  expect(await stack.must('ps', '-a', '--format', '{{.Name}}')).not.toContain('talker');
});

test('replicas are not touched by it, and it is none of them', async () => {
  await stack.must('up', '-d', 'web');
  const before = await identities(stack);
  await stack.must('run', '-T', 'web', 'true');
  expect((await all()).filter((line) => line.includes('-run-'))).toEqual([expect.stringMatching(/exited 0$/)]);
  expect(await stack.must('ps', '--services')).toBe('db\nweb\n');
  expect({ ...before, ...(await identities(stack)) }).toMatchObject({ db: before['db'] });
  await stack.must('up', '-d', '--remove-orphans');
  expect((await all()).filter((line) => /-run-|named/.test(line))).toEqual([]);
});

test('a service of a profile that nobody enabled runs when it is named', async () => {
  expect(await stack.must('run', '--rm', '-T', 'tool', 'echo', 'a tool')).toBe('a tool\n');
});

test('what cannot be run leaves nothing behind', async () => {
  const before = await all();
  const result = await stack.run('run', '--rm', '-T', 'tool', 'no-such-program');
  expect([result.code, result.stderr]).toEqual([1, expect.stringContaining('executable file not found in $PATH')]);
  expect(await all()).toEqual(before);
});

test('a signal goes to the command, and --rm removes it all the same', async () => {
  const script = 'trap "echo got it; exit 9" TERM; echo ready; while :; do sleep 0.1; done';
  const child = spawn(TCOMPOSE, ['run', '--rm', '-q', '-T', '--no-deps', 'tool', 'sh', '-c', script], {
    cwd: stack.folder,
    env: stack.instance.env as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let seen = '';
  child.stdout.on('data', (text: Buffer) => {
    seen += text;
    if (seen === 'ready\n') child.kill('SIGTERM');
  });
  const [code] = await once(child, 'close');
  expect([code, seen]).toEqual([9, 'ready\ngot it\n']);
  expect((await all()).filter((line) => line.includes('-run-'))).toEqual([]);
});

test('on a terminal it has one too, of the same size, also when that changes', async () => {
  const terminal = openTerminal([TCOMPOSE, 'run', '--rm', '--no-deps', 'web', 'sh'], {
    cwd: stack.folder,
    env: stack.instance.env as NodeJS.ProcessEnv,
  });
  await terminal.waitFor(/# $/);
  terminal.type('stty size; tty\r');
  await terminal.waitFor(/30 100\s+\/dev\/(console|pts\/\d)/);
  terminal.resize(77, 20);
  terminal.type('sleep 0.3; stty size\r');
  await terminal.waitFor(/20 77/);
  terminal.type('exit 3\r');
  expect(await terminal.ended).toBe(3);
});

test('who left one of --rm running by the keys finds it gone after its end, with the next command', async () => {
  const terminal = openTerminal([TCOMPOSE, 'run', '--rm', '--no-deps', '--name', 'left', 'web', 'sh'], {
    cwd: stack.folder,
    env: stack.instance.env as NodeJS.ProcessEnv,
  });
  await terminal.waitFor(/# $/);
  terminal.type('\x10\x11');
  expect(await terminal.ended).toBe(0);
  expect(await all()).toContainEqual('left running 0');
  await stack.must('kill', '-s', 'KILL', 'web');
  await stack.must('up', '-d');
  expect((await all()).filter((line) => line.startsWith('left'))).toEqual([]);
});
