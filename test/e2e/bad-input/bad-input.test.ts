/** Bad input ends in one message with its place, what to do and the documented exit code, and leaves nothing behind. */
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { describeChanges, readHostFacts } from '../../helpers/host-facts.ts';
import { runProgram } from '../../helpers/run-program.ts';
import { TCOMPOSE, useStack } from '../../helpers/tcompose.ts';
import { type Failure, fails } from '../checks.ts';

const stack = useStack();

/** Every test's project has this name; brought down from elsewhere, since its file is bad. */
const up = (...argv: string[]) => stack.run('-p', 'bad', 'up', '-d', ...argv);
const nobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

afterEach(async () => {
  const down = await stack.runWith({ cwd: '/' }, '-p', 'bad', 'down', '-v', '-t', '0');
  expect(down.code, down.stderr).toBe(0);
  expect(describeChanges(stack.instance.before, await readHostFacts())).toEqual([]);
});

/** Not even a network or a container that never ran. */
async function nothingWasTouched(): Promise<void> {
  expect(JSON.parse(await stack.must('ls', '-a', '--format', 'json'))).toEqual([]);
  expect(await stack.must('network', 'ls', '-q')).toBe('');
  expect(describeChanges(stack.instance.before, await readHostFacts())).toEqual([]);
}

/** The file, and what `up -d` must say about it. Lines count from the first line of the text. */
const MISTAKES: Readonly<Record<string, { file: string } & Failure>> = {
  'a YAML mistake': {
    file: 'services:\n  web:\n    image: busybox\n   command: [sleep]\n',
    code: 2,
    says: [/compose\.yaml:4:/],
  },
  'an unknown key, with the one that was meant': {
    file: 'services:\n  web:\n    imag: busybox\n',
    code: 2,
    says: [/compose\.yaml:3:5/, /did you mean "image"/],
  },
  'a wrong type': {
    file: 'services:\n  web:\n    image: busybox\n    ports: 80\n',
    code: 2,
    says: [/compose\.yaml:4:12/, /ports/],
  },
  'several mistakes, all at once': {
    file: 'services:\n  web:\n    imag: busybox\n    comand: sleep\n  db:\n    image: busybox\n    ports: nonsense\n',
    code: 2,
    says: [/compose\.yaml:3:5/, /compose\.yaml:4:5/, /compose\.yaml:7:12/],
  },
  'a variable that must be set': {
    file: `services:\n  web:\n    image: busybox\n    environment:\n      A: \${NOT_SET_ANYWHERE:?tell me}\n`,
    code: 2,
    says: [/compose\.yaml:5:/, /NOT_SET_ANYWHERE/, /tell me/],
  },
  'an image that is not there': {
    file: 'services:\n  web:\n    image: no/such:1.2\n    pull_policy: never\n',
    code: 1,
    says: [/no\/such:1\.2/, /compose\.yaml:3:12/, /image (import|load)/],
  },
  'a host path that is not there': {
    file: 'services:\n  web:\n    image: busybox\n    command: [sleep, "9"]\n    volumes:\n      - type: bind\n        source: ./not-there\n        target: /x\n        bind: { create_host_path: false }\n',
    code: 1,
    says: [/not-there/, /compose\.yaml:[678]:/, /mkdir -p/],
  },
  'a name that is too long': {
    file: `name: long\nservices:\n  web:\n    image: busybox\n    command: [sleep, "9"]\n    hostname: ${'h'.repeat(65)}\n`,
    code: 2,
    says: [/compose\.yaml:6:/, /64|63/],
  },
  'services that wait for each other': {
    file: 'services:\n  a:\n    image: busybox\n    depends_on: [b]\n  b:\n    image: busybox\n    depends_on: [a]\n',
    code: 2,
    says: [/a → b → a|b → a → b/, /compose\.yaml:[47]:/],
  },
};

describe('a file with', () => {
  test.for(Object.entries(MISTAKES))('%s', async ([, { file, code, says }]) => {
    await stack.write('compose.yaml', file);
    fails(await up(), { code, says });
    await nothingWasTouched();
  });
});

test('a port in use, and which process holds it', async () => {
  const server = createServer().listen(8099, '0.0.0.0');
  await stack.write(
    'compose.yaml',
    'services:\n  web:\n    image: busybox\n    command: [sleep, "9"]\n    ports:\n      - "8099:80"\n',
  );
  const result = await up();
  server.close();
  fails(result, { code: 1, says: [/8099/, /compose\.yaml:6:/, new RegExp(`pid ${process.pid}\\b`)] });
  await nothingWasTouched();
});

test('a program that is not in the image: the container is there to look at, and does not run', async () => {
  await stack.write('compose.yaml', 'services:\n  web:\n    image: busybox\n    command: [no-such-program]\n');
  fails(await up(), { code: 1, says: [/no-such-program/, /web/] });
  expect(await stack.must('-p', 'bad', 'ps', '-q', '--status', 'running')).toBe('');
});

test('a network address that cannot be', async () => {
  await stack.write(
    'compose.yaml',
    'services:\n  web:\n    image: busybox\n    networks: { n: { ipv4_address: 10.9.0.5 } }\nnetworks:\n  n:\n    ipam: { config: [ { subnet: 10.8.0.0/24 } ] }\n',
  );
  fails(await up(), { code: 1, says: [/10\.9\.0\.5/, /10\.8\.0\.0\/24/, /compose\.yaml:\d/] });
});

test('no file at all', async () => {
  const result = await stack.runWith({ cwd: '/' }, 'up', '-d');
  fails(result, { code: 2, says: [/compose\.yaml/] });
});

test('no root: says the command that works, with absolute paths', async () => {
  await stack.write('compose.yaml', 'services:\n  web:\n    image: busybox\n');
  await runProgram(['chmod', '-R', 'a+rX', stack.folder]);
  const result = await runProgram([...nobody, TCOMPOSE, 'up', '-d'], { cwd: stack.folder, env: stack.instance.env });
  fails(result, { code: 1, says: [/root/, new RegExp(`${TCOMPOSE} .*up -d`)] });
});

test('no root is needed by what only reads files', async () => {
  await stack.write('compose.yaml', 'services:\n  web:\n    image: busybox\n');
  await runProgram(['chmod', '-R', 'a+rX', stack.folder]);
  for (const argv of [['config'], ['plan', '--offline'], ['version'], ['completion', 'bash'], ['help']]) {
    const result = await runProgram([...nobody, TCOMPOSE, ...argv], {
      cwd: stack.folder,
      env: { PATH: process.env['PATH'] },
    });
    expect(result.code, `${argv.join(' ')}: ${result.stderr}`).toBe(0);
  }
});

test('a flag that does not exist, with the one that was meant', async () => {
  await stack.write('compose.yaml', 'services:\n  web:\n    image: busybox\n');
  fails(await stack.run('up', '--detatch'), { code: 2, says: [/--detach/] });
});
