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

test('a container whose ids are mapped is given them too: what is inside’s is inside’s, and a folder of the host is nobody’s', async () => {
  const mapped = (volumes: string, more = '') =>
    `${file(volumes, `    userns_mode: auto${more}`).replace('name: live', 'name: mapped')}secrets: {key: {environment: KEY}}\n`;
  await stack.write('compose.yaml', mapped('data:/data'));
  await stack.must('up', '-d');
  await inside('sh', '-c', 'mkdir /data/sub; touch /data/sub/part; chown 7:8 /data/sub/part');
  const before = await identities(stack);
  const more =
    '\n    tmpfs: ["/scratch/two:uid=5,gid=6,mode=710"]\n    secrets: [{source: key, target: /own, uid: "9", mode: 0400}]';
  const wanted = `${ALL}, './folder:/asked:idmap'`.replace('/kept, ', '');
  await stack.write('compose.yaml', mapped(wanted, more));
  await stack.write('.env', 'KEY=text\n');
  expect((await plannedSteps(stack)).map(({ id }) => id)).toEqual([
    'volume.create mapped_memory',
    'container.update mapped-web-1',
  ]);
  await stack.must('up', '-d');
  expect(await identities(stack)).toEqual(before);
  const look = async () =>
    (
      await inside(
        ...['stat', '-c', '%n %u:%g %a'],
        ...['/part/part', '/folder/deep', '/asked', '/scratch', '/scratch/two', '/own', '/anonymous', '/memory'],
      )
    ).split('\n');
  const seen = [
    '/part/part 7:8 644',
    '/folder/deep 65534:65534 755',
    '/asked 0:0 755',
    '/scratch 0:0 700',
    '/scratch/two 5:6 710',
    '/own 9:0 400',
    '/anonymous 0:0 755',
    '/memory 0:0 1777',
    '',
  ];
  expect(await look()).toEqual(seen);
  await inside('touch', '/anonymous/x', '/memory/x', '/data/x');
  await nothingToChange(stack);
  process.kill((await containers(stack))['web']!.Pid, 'SIGKILL');
  await eventually(async () => expect(await look()).toEqual(seen));
  await stack.must('down', '-v');
});
