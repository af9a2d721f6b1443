/** What the file says of networks and services changes while they are in use: one `up` later the host is as the file says. */
import { expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, nothingToChange } from '../checks.ts';

const file = (network: string, extra = '') => `
name: changes
services:
  db:
    image: busybox
    command: [sh, -c, "echo kept >> /kept/runs; exec httpd -f -p 80 -h /kept"]
    stop_grace_period: 0s
    volumes: [/kept]
  web:
    image: busybox
    command: [sleep, "10000"]
    stop_grace_period: 0s
    depends_on: [db]
${extra}
networks:
  default: ${network}
`;
const stack = useStack({ files: { 'compose.yaml': file('{}') } });
const pageOfDb = () => stack.must('exec', '-T', 'web', 'wget', '-qO-', 'http://db/runs');

test.each([
  ['is cut off', '{internal: true}'],
  ['has other addresses', '{ipam: {config: [{subnet: 10.123.45.0/24, gateway: 10.123.45.7}]}}'],
  ['is as at first', '{}'],
])(
  'a network in use that %s is made anew under its containers, whose anonymous volumes stay',
  async (_how, network) => {
    await stack.must('up', '-d');
    const runsBefore = (await pageOfDb()).length;
    await stack.write('compose.yaml', file(network));
    await stack.must('up', '-d');
    expect((await pageOfDb()).length).toBe(runsBefore + 'kept\n'.length);
    await nothingToChange(stack);
  },
);

test('a network that has another name is another network: its containers move to it, their processes untouched', async () => {
  await stack.must('up', '-d');
  const runs = await pageOfDb();
  await stack.write('compose.yaml', file('{name: changes_renamed}'));
  await stack.must('up', '-d');
  expect(await pageOfDb()).toBe(runs);
  expect(await stack.must('network', 'ls', '--format', 'json')).not.toContain('changes_default');
  await nothingToChange(stack);
});

test('a network that only stopped containers use is replaced too', async () => {
  await stack.must('up', '-d');
  await stack.must('stop');
  await stack.write('compose.yaml', file('{internal: true}'));
  await stack.must('up', '-d');
  expect(await pageOfDb()).toContain('kept');
  await nothingToChange(stack);
});

test('up fails when what running services wait for fails anew', async () => {
  await stack.write('compose.yaml', file('{internal: true}', '  job: {image: busybox, command: [sh, -c, "exit 0"]}'));
  await stack.must('up', '-d');
  const waiting = file('{internal: true}', '  job: {image: busybox, command: [sh, -c, "exit 3"]}').replace(
    'depends_on: [db]',
    'depends_on: {job: {condition: service_completed_successfully}}',
  );
  await stack.write('compose.yaml', waiting);
  const { code, stderr } = await stack.run('up', '-d');
  expect(code).toBe(1);
  expect(stderr).toMatch(/changes-job-1 .*3/);
  expect((await containers(stack))['web']!.State).toBe('running');
});
