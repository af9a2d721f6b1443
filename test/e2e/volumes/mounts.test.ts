/** Mounts of every type and option, seen from inside: where they come from, what may be written, what the kernel calls them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { useStack } from '../../helpers/tcompose.ts';

const stack = useStack();
/** Folders of the host with something mounted below. */
const mounted: string[] = [];
afterAll(async () => {
  // One that was refused half-way leaves a network without containers, which `ls` does not show.
  await stack.must('-p', 'mounts', 'down', '-v', '-t', '0');
  for (const path of mounted.reverse()) execFileSync('umount', [path]);
});

const show = 'cat /proc/self/mountinfo';
const run = async (volumes: readonly string[], script = show, service = ''): Promise<string> => {
  const list = volumes.map((volume) => `      - ${volume}`).join('\n');
  await stack.write(
    'compose.yaml',
    `name: mounts\nservices:\n  web:\n    image: busybox\n    command: [sh]\n${service}    volumes:\n${list}\n`,
  );
  return stack.must('run', '--rm', '-T', 'web', 'sh', '-c', script);
};
const refused = async (volume: string, service = ''): Promise<string> => {
  await stack.write(
    'compose.yaml',
    `name: mounts\nservices:\n  web:\n    image: busybox\n    command: [sh]\n${service}    volumes:\n      - ${volume}\nvolumes: {data: {}}\n`,
  );
  const { code, stderr } = await stack.run('up', '-d', '--pull', 'never');
  expect(code).not.toBe(0);
  expect(JSON.parse((await stack.must('ls', '-a', '--format', 'json')) || '[]')).toEqual([]);
  return stderr;
};
const options = (mountinfo: string, target: string) => {
  const found = mountinfo.split('\n').find((line) => line.split(' ')[4] === target);
  return found?.split(' ').slice(5, found.split(' ').indexOf('-')).join(' ');
};

test('a folder of the host with a mount below: read-only all the way, above alone, or without what lies below', async () => {
  const folder = join(stack.folder, 'tree');
  mkdirSync(join(folder, 'sub'), { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'below', join(folder, 'sub')]);
  mounted.push(join(folder, 'sub'));
  const bind = (target: string, how: string) => `{type: bind, source: ./tree, target: ${target}${how}}`;
  const seen = await run([
    bind('/all', ''),
    bind('/ro', ', read_only: true'),
    bind('/forced', ', read_only: true, bind: {recursive: readonly}'),
    bind('/top', ', read_only: true, bind: {recursive: writable}'),
    bind('/alone', ', bind: {recursive: disabled}'),
  ]);
  const table = ['/all', '/ro', '/forced', '/top', '/alone'].map((target) => [
    options(seen, target),
    options(seen, `${target}/sub`),
  ]);
  expect(table).toEqual([
    ['rw,relatime', 'rw,relatime'],
    ['ro,relatime', 'ro,relatime'],
    ['ro,relatime', 'ro,relatime'],
    ['ro,relatime', 'rw,relatime'],
    ['rw,relatime', undefined],
  ]);
  expect(await refused(bind('/x', ', bind: {recursive: writable}'))).toMatch(
    /needs read_only: true[\s\S]*compose.yaml:7/,
  );
});

test('what is shared with the host is shared both ways, what follows it one way, and what cannot is refused', async () => {
  const folder = join(stack.folder, 'shared');
  mkdirSync(folder);
  expect(await refused('{type: bind, source: ./shared, target: /x, bind: {propagation: rshared}}')).toMatch(
    /path \S+shared is mounted on \S+ but it is not a shared mount/,
  );
  execFileSync('mount', ['-t', 'tmpfs', 'shared', folder]);
  mounted.push(folder);
  execFileSync('mount', ['--make-rshared', folder]);
  mkdirSync(join(folder, 'sub'));
  const seen = await run(
    [
      '{type: bind, source: ./shared, target: /shared, bind: {propagation: rshared}}',
      '{type: bind, source: ./shared, target: /slave, bind: {propagation: rslave}}',
      '{type: bind, source: ./shared, target: /own}',
    ],
    `mount -t tmpfs inner /shared/sub && touch /shared/sub/made; ${show}`,
    '    privileged: true\n',
  );
  expect(options(seen, '/shared')).toMatch(/^rw,relatime shared:\d+$/);
  expect(options(seen, '/slave')).toMatch(/^rw,relatime master:\d+$/);
  expect(options(seen, '/own')).toBe('rw,relatime');
  expect(options(seen, '/slave/sub')).toMatch(/master/);
  expect(options(seen, '/own/sub')).toBeUndefined();
  expect(execFileSync('ls', [join(folder, 'sub')], { encoding: 'utf8' })).toBe('made\n');
  execFileSync('umount', [join(folder, 'sub')]);
});

test("a tmpfs has Docker's defaults, and what its options say in either form", async () => {
  const seen = await run(
    [
      '{type: tmpfs, target: /long, tmpfs: {size: 4096, mode: 0750}}',
      '{type: tmpfs, target: /closed, read_only: true}',
    ],
    `${show}; stat -c '%n %a %u' /plain /short /long`,
    '    tmpfs: [/plain, "/short:size=1m,mode=700,exec,uid=3,noatime"]\n',
  );
  expect(options(seen, '/plain')).toBe('rw,nosuid,nodev,noexec,relatime');
  expect(options(seen, '/short')).toBe('rw,nosuid,nodev,noatime');
  expect(options(seen, '/closed')).toBe('ro,nosuid,nodev,noexec,relatime');
  expect(seen).toContain('/plain 1777 0\n/short 700 3\n/long 750 0\n');
  expect(await refused('x:/x', '    tmpfs: ["/t:nosuch"]\n').catch(String)).toMatch(
    /unknown option "nosuch"|undefined-volume|x/,
  );
});

test('an image is mounted read-only, whole or a part of it, folder or file', async () => {
  const seen = await run(
    [
      '{type: image, source: "busybox:latest", target: /image}',
      '{type: image, source: busybox, target: /bins, image: {subpath: bin}}',
      '{type: image, source: busybox, target: /echo, image: {subpath: bin/busybox}}',
    ],
    `${show}; ls /image /bins | grep -c busybox; /echo ran; touch /image/x 2>&1; true`,
  );
  expect(options(seen, '/image')).toBe('ro,relatime');
  expect(seen).toMatch(/ran\n.*Read-only file system/);
  expect(await refused('{type: image, source: nosuch, target: /x}')).toContain('image nosuch');
  expect(await refused('{type: image, source: busybox, target: /x, image: {subpath: no/such}}')).toContain(
    'image busybox has no no/such',
  );
});

test('parts of volumes: looked up beneath them, missing ones and ways out told before anything is touched', async () => {
  const part = (subpath: string) => `{type: volume, source: data, target: /x, volume: {subpath: ${subpath}}}`;
  expect(await refused(part('no/such'))).toContain('volume mounts_data has no no/such');
  expect(await refused(part('../up'))).toContain('is no relative path within the volume');
  expect(await refused(part('/etc'))).toContain('is no relative path within the volume');
});

test('a folder of a volume that another service makes first is there when it is needed; when nobody did, the start says so', async () => {
  const files = (makes: string) => `
name: mounts
services:
  maker: {image: busybox, command: ["${makes}", -p, /v/in/side], volumes: [shared:/v]}
  web:
    image: busybox
    command: [sleep, "1000"]
    stop_grace_period: 0s
    depends_on: {maker: {condition: service_completed_successfully}}
    volumes: [{type: volume, source: shared, target: /x, volume: {subpath: in/side}}]
volumes: {shared: {}}
`;
  await stack.write('compose.yaml', files('mkdir'));
  await stack.must('up', '-d');
  await stack.must('down', '-v');
  await stack.write('compose.yaml', files('true'));
  const { code, stderr } = await stack.run('up', '-d');
  expect([code, stderr]).toEqual([1, expect.stringContaining('error[mount-source-missing]')]);
  await stack.must('down', '-v');
});

test.each([
  ['data:x', /mounts something on "x", which is no place for it[\s\S]*compose.yaml:7/],
  ['data:/x/..', /no place/],
  ['./rel:rel', /no place/],
  ["'C:\\data:/x'", /"C:\\data" is no path of this host[\s\S]*compose.yaml:7/],
  ['{type: tmpfs, target: t}', /no place/],
  ['./x:/proc', /nothing can be mounted on \/proc: /],
  ['./x:/x/../proc/sys', /beneath \/proc is the kernel's/],
  ['{type: tmpfs, target: /proc/self/attr}', /beneath \/proc/],
])('%s is refused with its place, before anything is touched', async (volume, message) => {
  expect(await refused(volume)).toMatch(message);
});

test.each(['size=abc', 'mode=999', 'uid=root', 'nr_inodes=', 'huge=maybe', 'nosuch'])(
  'a tmpfs with %s is refused before anything is touched',
  async (option) => {
    expect(await refused('data:/x', `    tmpfs: ["/t:${option}"]\n`)).toContain(
      `the unknown or malformed option "${option}"`,
    );
  },
);

test.each([
  [
    '{driver_opts: {type: none, o: bind, device: /no/such/folder}}',
    /folder \/no\/such\/folder of volume \S+ does not exist/,
  ],
  ['{driver_opts: {type: none, o: bind, device: ./relative}}', /"\.\/relative" is not an absolute path/],
  ['{driver_opts: {type: tmpfs}}', /type and device belong together/],
  ["{name: '../x'}", /no valid name/],
])('a volume %s is refused with its line, before anything is touched', async (volume, message) => {
  await stack.write(
    'compose.yaml',
    `name: mounts\nservices:\n  web: {image: busybox, volumes: [data:/x]}\nvolumes:\n  data: ${volume}\n`,
  );
  const { code, stderr } = await stack.run('up', '-d');
  expect([code !== 0, stderr]).toEqual([true, expect.stringMatching(message)]);
  expect(stderr).toContain('compose.yaml:5');
  expect(await stack.must('volume', 'ls', '-q')).toBe('');
  expect(await stack.must('network', 'ls', '-q', '--filter', 'label=com.docker.compose.project=mounts')).toBe('');
});

test('a volume that stands for a folder may have an empty type; that the folder went is told before anything is touched', async () => {
  const folder = join(stack.folder, 'stood-for');
  mkdirSync(folder);
  await stack.write(
    'compose.yaml',
    `name: mounts\nservices:\n  web: {image: busybox, command: [touch, /x/made], volumes: [data:/x]}\nvolumes:\n  data: {driver_opts: {type: "", o: bind, device: ${folder}}}\n`,
  );
  await stack.must('run', '--rm', '-T', 'web');
  expect(execFileSync('ls', [folder], { encoding: 'utf8' })).toBe('made\n');
  execFileSync('rm', ['-r', folder]);
  const { code, stderr } = await stack.run('up', '-d');
  expect([code, stderr]).toEqual([1, expect.stringContaining('stood-for of volume mounts_data does not exist')]);
  await stack.must('down', '-v');
});

test('who brings a whole /sys brings its control groups, as monitors of hosts need them', async () => {
  const groups = 'ls /sys/fs/cgroup | wc -l; grep -c " /sys/fs/cgroup" /proc/self/mountinfo';
  const host = execFileSync('sh', ['-c', groups], { encoding: 'utf8' });
  expect(await run(['/sys:/sys:ro'], groups)).toBe(host);
});

test.each([
  ['{type: cluster, source: x, target: /x}', /cluster/],
  ["{type: npipe, source: '\\\\.\\pipe\\x', target: /x}", /npipe/],
])('%s is refused by name', async (volume, message) => {
  expect(await refused(volume)).toMatch(message);
});

test('a path of the host may be relative or of the home folder, a folder or a file, and is made where it is missing', async () => {
  writeFileSync(join(stack.folder, 'one-file'), 'of the host');
  mkdirSync(join(stack.folder, 'home/here'), { recursive: true });
  await stack.write(
    'compose.yaml',
    'name: mounts\nservices:\n  web:\n    image: busybox\n    volumes: [./one-file:/etc/one, ~/here:/home/here, ./made/for/it:/made]\n',
  );
  const { stdout } = await stack.runWith(
    { env: { ...stack.instance.env, HOME: join(stack.folder, 'home') } },
    ...['run', '--rm', '-T', 'web', 'sh', '-c', 'cat /etc/one; ls -d /home/here; stat -c "%a %u" /made'],
  );
  expect(stdout).toBe('of the host/home/here\n755 0\n');
});
