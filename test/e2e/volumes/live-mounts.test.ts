/** A mount that is new in the file appears in the running container; what cannot be given to it is a recreation, and the plan says which. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { useStack } from '../../helpers/tcompose.ts';
import { containers, identities, nothingToChange, plannedSteps } from '../checks.ts';

const file = (volumes: string, extra = '') => `
name: live
services:
  web:
    image: busybox
    command: [sh, -c, "echo run >> /runs; exec sleep 10000"]
    stop_grace_period: 0s
    restart: always
${extra}
    volumes: [${volumes}]
volumes: {data: {}, memory: {driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}}
`;
const stack = useStack({ files: { 'compose.yaml': file('/kept') } });
const inside = (...argv: string[]) => stack.must('exec', '-T', 'web', ...argv);
const mountOf = async (target: string) =>
  (await inside('cat', '/proc/self/mountinfo'))
    .split('\n')
    .filter((line) => line.split(' ')[4] === target)
    .map((line) => line.split(' ')[5]);

const ALL = [
  '/kept',
  'data:/data',
  'data:/again:ro',
  'memory:/memory',
  './folder:/folder/deep',
  './file:/etc/file:ro',
  '/anonymous',
  '{type: tmpfs, target: /scratch, tmpfs: {size: 1m, mode: 0700}}',
  '{type: image, source: busybox, target: /image, image: {subpath: bin}}',
  '{type: volume, source: data, target: /part, volume: {subpath: sub}}',
].join(', ');

test('volumes of every kind are mounted into the running container, whose process goes on', async () => {
  await stack.must('up', '-d');
  await inside('touch', '/kept/mine');
  const before = await identities(stack);
  mkdirSync(join(stack.folder, 'folder'));
  writeFileSync(join(stack.folder, 'folder/x'), 'of the host');
  writeFileSync(join(stack.folder, 'file'), 'a file');
  await stack.write('compose.yaml', file('/kept, data:/data'));
  await stack.must('up', '-d');
  await inside('mkdir', '/data/sub');
  await inside('touch', '/data/sub/part');
  await stack.write('compose.yaml', file(ALL));
  expect(await plannedSteps(stack)).toEqual([
    { id: 'volume.create live_memory', because: 'missing' },
    { id: 'container.update live-web-1', because: expect.stringContaining('volumes./folder/deep; ') },
  ]);
  await stack.must('up', '-d');
  expect(await identities(stack)).toEqual(before);
  expect(await inside('cat', '/runs')).toBe('run\n');
  expect(await inside('ls', '/kept', '/folder/deep', '/part', '/again')).toMatch(
    /\/again:\nsub\n\n\/folder\/deep:\nx\n\n\/kept:\nmine\n\n\/part:\npart/,
  );
  expect(await inside('cat', '/etc/file')).toBe('a file');
  expect(await inside('ls', '/image')).toContain('busybox');
  expect(await mountOf('/again')).toEqual(['ro,relatime']);
  expect(await mountOf('/image')).toEqual(['ro,relatime']);
  expect(await mountOf('/scratch')).toEqual(['rw,nosuid,nodev,noexec,relatime']);
  expect((await inside('stat', '-c', '%a', '/scratch')).trim()).toBe('700');
  await nothingToChange(stack);
});

test('the restart policy starts it with them, without anybody else', async () => {
  await inside('touch', '/anonymous/stays');
  const [pid] = [(await containers(stack))['web']!.Pid];
  process.kill(pid, 'SIGKILL');
  await eventually(async () => expect(await inside('cat', '/runs')).toBe('run\nrun\n'));
  expect(await inside('ls', '/anonymous', '/folder/deep')).toContain('stays');
  expect(await inside('ls', '/image')).toContain('busybox');
  await nothingToChange(stack);
});

test.each([
  ['goes', ALL.replace(", 'data:/again:ro'", '').replace('data:/again:ro, ', ''), ''],
  ['would cover another', `${ALL}, ./folder:/folder`, ''],
  ['has no place in a root that is read-only', `${ALL}, ./folder:/new`, '    read_only: true'],
  ['is shared with the host', `${ALL}, {type: bind, source: ./folder, target: /new, bind: {propagation: rslave}}`, ''],
])('a mount that %s is a recreation', async (_how, volumes, extra) => {
  await stack.write('compose.yaml', file(volumes, extra));
  expect((await plannedSteps(stack)).map(({ id }) => id)).toContain('container.create live-web-1');
});
