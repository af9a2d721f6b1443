/** What services share and are given, from a file to what is seen inside; and what cannot be, told before anything is touched. */
import { expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';
import { identities, nothingToChange } from '../checks.ts';

const file = (changes = '') => `
name: isolation
services:
  donor:
    image: busybox
    hostname: given
    ipc: shareable
    command: [sleep, "1000"]
  guest:
    image: busybox
    pid: service:donor
    ipc: service:donor
    uts: container:isolation-donor-1
    devices: ["/dev/null:/dev/nothing:r"]
    device_cgroup_rules: ["c 1:11 r"]
    ulimits: { nofile: { soft: 100, hard: 2000000000 } }
    command: [sleep, "1000"]
${changes}`;
const stack = useStack({ files: { 'compose.yaml': file() } });

test('a guest sees its donor’s processes, memory and name; limits that cannot be are cut, and it is said', async () => {
  const { code, stderr } = await stack.run('up', '-d');
  expect(code).toBe(0);
  expect(stderr).toMatch(/set the ulimit nofile to 100:2000000000: raising it is forbidden here/);
  await stack.must('exec', '-T', 'donor', 'sh', '-c', 'echo shared > /dev/shm/x');
  const script = 'hostname; cat /dev/shm/x; tr "\\0" " " < /proc/1/cmdline; ls -l /dev/nothing';
  expect(await stack.must('exec', '-T', 'guest', 'sh', '-c', script)).toMatch(
    /^given\nshared\nsleep 1000 crw.* 1, +3 .*\/dev\/nothing\n$/,
  );
  await nothingToChange(stack);
});

test('a donor that is made anew takes its guests along', async () => {
  const before = await identities(stack);
  await stack.write('compose.yaml', file().replace('hostname: given', 'hostname: other'));
  expect(await stack.must('plan')).toMatch(
    /isolation-guest-1 +restart +isolation-donor-1, whose ipc namespace it shares, gets a new one/,
  );
  await stack.must('up', '-d', '-t', '0');
  expect(await stack.must('exec', '-T', 'guest', 'hostname')).toBe('other\n');
  expect((await identities(stack))['donor']).not.toEqual(before['donor']);
});

test('what this host cannot give is told at once, and nothing is touched', async () => {
  const before = await identities(stack);
  const bad = `
  bad:
    image: busybox
    uts: host
    hostname: mine
    devices: [/dev/none-such]
    gpus: all
  worse:
    image: busybox
    platform: linux/arm64
    security_opt: [seccomp=profile.json]
`;
  await stack.write('profile.json', '{"defaultAction": "SCMP_ACT_NOTIFY"}');
  await stack.write('compose.yaml', file(bad));
  const { code, stderr } = await stack.run('up', '-d');
  expect(code).not.toBe(0);
  for (const words of [
    'conflicting options: hostname and the UTS mode',
    'the device /dev/none-such cannot be given to isolation-bad-1',
    'there is no device nvidia.com/gpu=all',
    'wanted linux/arm64, actual: linux/amd64',
    'SCMP_ACT_NOTIFY',
  ])
    expect(stderr).toContain(words);
  expect(await identities(stack)).toEqual(before);
  await stack.write('compose.yaml', file());
});
