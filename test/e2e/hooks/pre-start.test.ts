/** pre_start as a user sees it: containers that end well before the service starts, with its mounts; and what a failure leaves. */
import { expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, fails, inside } from '../checks.ts';

const file = (second: string, more = '') => `
name: before
services:
  web:
    image: busybox
    init: true
    command: [sleep, "1000"]
    environment: { WHO: web, ALL: theirs }
    volumes: [kept:/kept]
    scale: 2
    pre_start:
      - command: [sh, -c, "echo one $$WHO $$ALL $$(id -u) $$PWD >> /kept/log; echo said"]
        user: "1000"
        working_dir: /tmp
        environment: [ALL=own]
      - ${second}
      - { command: [sh, -c, "echo each >> /kept/log"], per_replica: true }
  needed:
    image: busybox
    init: true
    command: [sh, -c, "chmod 777 /kept; echo needed >> /kept/log; chmod 666 /kept/log; touch /tmp/ready; sleep 1000"]
    volumes: [kept:/kept]
    healthcheck: { test: test -e /tmp/ready, interval: 100ms }
${more}
volumes: { kept: }
`;
const needing = '\n    depends_on: { needed: { condition: service_healthy } }\n    pre_start:';
const withNeed = (second: string) => file(second).replace('\n    pre_start:', needing);
const GOOD = '{ command: [sh, -c, "echo two >> /kept/log"] }';
const BAD = '{ command: [sh, -c, "echo why it failed; exit 3"] }';
const stack = useStack({ files: { 'compose.yaml': withNeed(GOOD) } });
const said = async () => (await inside(stack, 'needed', 'cat', '/kept/log')).split('\n');

test('they run in their order, after what the service needs and before any replica, and are gone afterwards', async () => {
  const { code, stderr } = await stack.run('up', '-d');
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/^web-pre_start-1 -> {2}\| said$/m);
  expect(await said()).toEqual(['needed', 'one web own 1000 /tmp', 'two', 'each', 'each']);
  expect((await stack.must('ps', '-aq')).trim().split('\n')).toHaveLength(3);
});

test('nothing runs again for replicas that run on; what is for each runs for a new one', async () => {
  await stack.must('up', '-d', '--scale', 'web=3');
  expect((await said()).slice(5)).toEqual(['each']);
  await stack.must('restart', 'web');
  expect((await said()).slice(6), 'a restart begins nothing anew').toEqual([]);
});

test('a change of one makes the service anew; one that fails keeps the service from starting and stays for a look', async () => {
  await stack.write('compose.yaml', withNeed(BAD));
  fails(await stack.run('up', '-d'), {
    code: 1,
    says: ['before-web-pre_start-2 ended with 3', 'why it failed'],
  });
  const all = await containers(stack);
  expect(all['needed']!.State).toBe('running');
  expect(await stack.must('ps', '-a', '--format', '{{.Name}} {{.State}}', 'web')).toContain('before-web-1 created');
  await stack.write('compose.yaml', withNeed(GOOD));
  await stack.must('up', '-d');
  expect((await stack.must('ps', '-aq')).trim().split('\n')).toHaveLength(3);
  expect((await said()).slice(6)).toEqual([
    'one web own 1000 /tmp',
    ...['one web own 1000 /tmp', 'two', 'each', 'each'],
  ]);
});
