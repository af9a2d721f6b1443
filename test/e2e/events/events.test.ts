/** `events` tells what happened, in Docker's words and order; `wait` ends when containers have ended. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { TCOMPOSE, useStack } from '../../helpers/tcompose.ts';
import { fails } from '../checks.ts';

const stack = useStack({
  files: {
    'compose.yaml': `
name: events
services:
  web:
    image: busybox
    command: [sh, -c, "trap 'exit 7' TERM; trap : HUP; while :; do sleep 0.05; done"]
    network_mode: none
    labels: { own: label }
    healthcheck: { test: [CMD, "true"], interval: 1s, timeout: 20s }
  crashing:
    image: busybox
    command: [sh, -c, "exit 3"]
    network_mode: none
    restart: on-failure:1
    profiles: [crash]
  brief:
    image: busybox
    command: [sh, -c, "sleep 6; exit 5"]
    network_mode: none
    profiles: [brief]
`,
  },
});

/** In the background; `lines` grows. `end` is by Ctrl-C. */
function follow(...argv: string[]) {
  const child = spawn(TCOMPOSE, argv, {
    cwd: stack.folder,
    env: stack.instance.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { text: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.text += chunk.toString();
  });
  child.stderr.resume();
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  const lines = () => output.text.split('\n').filter(Boolean);
  return { lines, closed, interrupt: () => child.kill('SIGINT') };
}

interface Told {
  readonly action: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly id: string;
  readonly service: string;
  readonly time: string;
  readonly type: string;
}

test('every change of a container is told once, as Docker tells it', async () => {
  await stack.must('up', '-d', '--wait');
  const following = follow('events', '--json');
  const told = () => following.lines().map((line) => JSON.parse(line) as Told);
  const until = (action: string) =>
    eventually(async () => expect(told().map((one) => one.action)).toContain(action), 10_000);
  // It says nothing until something happens: asked again and again, a signal that does nothing is the first.
  await eventually(async () => {
    await stack.must('kill', '-s', 'HUP');
    expect(told()).not.toEqual([]);
  }, 20_000);
  const begun = told().length;
  expect((await stack.run('exec', '-T', 'web', 'sh', '-c', 'exit 3', 'two words')).code).toBe(3);
  await stack.must('pause');
  await stack.must('unpause');
  await stack.must('restart');
  await stack.must('up', '-d', '--force-recreate', '--wait');
  await stack.must('kill');
  await stack.must('down');
  await until('destroy');
  await eventually(async () => expect(told().filter(({ action }) => action === 'destroy')).toHaveLength(2), 10_000);
  following.interrupt();
  await following.closed;
  expect(told()[0]).toMatchObject({
    action: 'kill',
    attributes: { image: 'busybox', name: 'events-web-1', own: 'label', signal: '1' },
    service: 'web',
    type: 'container',
  });
  expect(Object.keys(told()[0]!.attributes)).toEqual(['image', 'name', 'own', 'signal']);
  const words = told()
    .slice(begun)
    // Whether the checks come to a result between two of our commands is the machine's business.
    .filter(({ action }) => !/^(health_status|exec_)/.test(action))
    .map(({ action, attributes: { signal, exitCode } }) => [action, signal, exitCode].filter(Boolean).join(' '));
  const stopped = ['kill 15', 'stop', 'die 7'];
  expect(words.slice(0, 7)).toEqual(['pause', 'unpause', ...stopped, 'start', 'restart']);
  const rest = words.slice(7);
  expect(rest.filter((word) => word !== 'create' && word !== 'destroy')).toEqual([
    ...stopped,
    'start',
    'kill 9',
    'die 137',
  ]);
  expect(rest.filter((word) => word === 'create')).toHaveLength(1);
  expect(rest.at(-1)).toBe('destroy');
  const execs = told().filter(({ attributes }) => attributes['execID'] !== undefined);
  const own = execs.find(({ action }) => action === 'exec_create: sh -c exit 3 two words')!;
  expect(
    execs
      .filter(({ attributes }) => attributes['execID'] === own.attributes['execID'])
      .map(({ action, attributes }) => [action, attributes['exitCode']]),
  ).toEqual([
    ['exec_create: sh -c exit 3 two words', undefined],
    ['exec_start: sh -c exit 3 two words', undefined],
    ['exec_die', '3'],
  ]);
  expect(execs.map(({ action }) => action)).toContain('exec_create: true ');
  const health = told().filter(({ action }) => action.startsWith('health_status'));
  expect([...new Set(health.map(({ action }) => action))]).toEqual(['health_status: healthy']);
});

test('a container that crashes and is started again tells of each end and start; --until ends by itself', async () => {
  const following = follow('events', 'crashing');
  // It says nothing until something happens: the container is made anew until it has seen that.
  await eventually(async () => {
    if (following.lines().join().includes('container create')) return;
    await stack.must('--profile', 'crash', 'up', '-d', '--force-recreate', 'crashing');
    expect(following.lines().join()).toContain('container create');
  }, 40_000);
  const ofTheLast = () => {
    const id = following
      .lines()
      .findLast((line) => line.includes('container create'))!
      .split(' ')[4]!;
    return following.lines().filter((line) => line.includes(id));
  };
  await eventually(async () => {
    const words = ofTheLast().map((line) => line.split(' ')[3]);
    expect(words).toEqual(['create', 'start', 'die', 'start', 'die']);
  }, 15_000);
  following.interrupt();
  await following.closed;
  expect(ofTheLast().at(-1)).toMatch(
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} container die [0-9a-f]{64} \(execDuration=0, exitCode=3, image=busybox, name=events-crashing-1\)$/,
  );
  const past = await stack.must('--profile', 'crash', 'events', '--since', '1h', '--until', '0s', 'crashing');
  expect(past.split('\n').map((line) => line.split(' ')[3])).toEqual(expect.arrayContaining(['create', 'die']));
});

test('wait ends with the code of what ended, and takes the project away where that is asked for', async () => {
  await stack.must('up', '-d');
  const waiting = follow('wait', 'web');
  await stack.must('stop');
  const [code] = await waiting.closed;
  // It may have begun after the stop: then nothing ran that could be waited for.
  if (waiting.lines().length > 0) {
    expect(waiting.lines()).toEqual([expect.stringMatching(/^container "[0-9a-f]{64}" exited with status code 7$/)]);
    expect(code).toBe(7);
  } else expect(code).toBe(1);
  fails(await stack.run('wait', 'web'), { code: 1, says: ['no containers for project "events" that run'] });
  fails(await stack.run('wait', 'nobody'), { code: 2, says: ['nobody'] });
  await stack.must('up', '-d', 'brief');
  expect((await stack.run('--profile', 'brief', 'wait', '--down-project', 'brief')).code).toBe(5);
  expect(await stack.must('ps', '-aq')).toBe('');
});
