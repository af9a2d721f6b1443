/** post_start and pre_stop as a user sees them: when they run, as whom, what they say, and what happens when they fail. */
import { expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, inside, plannedSteps } from '../checks.ts';

const file = (webHook: string, policy = '') => `
name: hooks
services:
  web:
    image: busybox
    command: [sh, -c, "trap 'exit 0' TERM; while :; do sleep 0.05; done"]
    ${policy}
    user: "1000:1000"
    environment: { WHO: web, ALL: theirs }
    volumes: [kept:/kept]
    post_start:
      - command: [sh, -c, "echo $$WHO $$ALL $$(id -u) $$PWD >> /kept/log; echo said by $$HOSTNAME"]
        user: root
        working_dir: /kept
        environment: [ALL=own]
      - command: ${webHook}
        user: root
    pre_stop:
      - { command: [sh, -c, "echo going >> /kept/log"], user: root }
  last:
    image: busybox
    command: [sleep, "1000"]
    stop_signal: KILL
    depends_on: [web]
    volumes: [kept:/kept]
    post_start: [{ command: [sh, -c, "echo last >> /kept/log"] }]
volumes: { kept: }
`;
const second = '[sh, -c, "echo second >> /kept/log"]';
const stack = useStack({ files: { 'compose.yaml': file(second) } });
const said = async () => (await inside(stack, 'last', 'cat', '/kept/log')).split('\n');

test('hooks run in their order, as they are told, before dependents start; their output is shown', async () => {
  expect(await plannedSteps(stack)).toContainEqual({ id: 'container.hook hooks-web-1 post_start 2', because: '' });
  const { code, stderr } = await stack.run('up', '-d');
  expect(stderr).toMatch(/^web-1 -> {2}\| said by [0-9a-f]{12}$/m);
  expect(code).toBe(0);
  expect(await said()).toEqual(['web own 0 /kept', 'second', 'last']);
  await stack.must('up', '-d');
  expect(await said(), 'nothing was started').toHaveLength(3);
});

test('a restart by a command runs those before the stop and those after the start', async () => {
  await stack.must('restart', 'web');
  expect((await said()).slice(3)).toEqual(['going', 'web own 0 /kept', 'second']);
});

test('a restart by policy runs none', async () => {
  await stack.write('compose.yaml', file(second, 'restart: always'));
  await stack.must('up', '-d', '-t', '1');
  const before = await said();
  const pid = (await containers(stack))['web']!.Pid;
  await inside(stack, 'web', 'kill', '1');
  await eventually(async () => {
    const { State, Pid } = (await containers(stack))['web']!;
    expect([State, Pid === pid]).toEqual(['running', false]);
  }, 10_000);
  expect(await said()).toEqual(before);
});

test('a hook that fails ends the command with 1 and its words, and what depends on it is not started', async () => {
  await stack.must('down', '-t', '1');
  await stack.write('compose.yaml', file('[sh, -c, "echo no such thing >&2; exit 3"]'));
  const { code, stderr } = await stack.run('up', '-d');
  expect(code).toBe(1);
  expect(stderr).toContain('the post_start hook of hooks-web-1 ended with 3');
  expect(stderr).toContain('no such thing');
  const rows = await containers(stack);
  expect([rows['web']?.State, rows['last']?.State]).toEqual(['running', 'created']);
});

test('a program that is not there is a failure of the hook, not of the engine', async () => {
  await stack.must('down', '-t', '1');
  await stack.write('compose.yaml', file('[nothing-of-that-name]'));
  const { code, stderr } = await stack.run('up', '-d');
  expect(code).toBe(1);
  expect(stderr).toContain('ended with 127');
});
