/** Archives of several layers become what a container sees: whiteouts, opaque folders, links, owners, modes, attributes. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ArchiveOptions, dockerArchive, type Entry, ociArchive } from '../../helpers/image-archive.ts';
import { runProgram } from '../../helpers/run-program.ts';
import { baseTar } from '../../helpers/small-image.ts';
import { useStack } from '../../helpers/tcompose.ts';
import { fails, inside } from '../checks.ts';

const stack = useStack();
let busybox: Buffer;
/** CAP_NET_RAW, permitted and effective, as setcap writes it (revision 2). */
const NET_RAW = Buffer.from('0100000200200000000000000000000000000000', 'hex');

beforeAll(async () => {
  const { stdout } = await runProgram(['sh', '-c', `tar -xOf ${await baseTar()} ./usr/bin/busybox | base64 -w0`]);
  busybox = Buffer.from(stdout, 'base64');
});

const folder = (name: string, extra: Partial<Entry> = {}): Entry => ({ name, type: 'directory', ...extra });
const layers = (): Entry[][] => [
  [
    folder('bin/'),
    { name: 'bin/busybox', content: busybox, mode: 0o755 },
    ...['sh', 'ls', 'cat', 'stat', 'sleep', 'id'].map(
      (name): Entry => ({ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' }),
    ),
    folder('etc/'),
    { name: 'etc/passwd', content: 'root:x:0:0::/:/bin/sh\nweb:x:1000:1000::/:/bin/sh\n' },
    folder('data/'),
    { name: 'data/gone', content: 'gone' },
    { name: 'data/kept', content: 'kept' },
    { name: 'data/changed', content: 'old' },
    folder('opaque/'),
    { name: 'opaque/below', content: 'below' },
    { name: 'becomes-folder', content: 'a file' },
    folder('becomes-file/'),
    { name: 'becomes-file/inside', content: 'x' },
  ],
  [
    { name: 'data/.wh.gone' },
    { name: 'data/changed', content: 'new', uid: 1000, gid: 1000, mode: 0o600 },
    folder('opaque/'),
    { name: 'opaque/.wh..wh..opq' },
    { name: 'opaque/above', content: 'above' },
    folder('becomes-folder/'),
    { name: 'becomes-folder/inside', content: 'x' },
    { name: 'becomes-file', content: 'now a file' },
    { name: 'first', content: 'shared', mode: 0o640 },
    { name: 'second', type: 'link', linkname: 'first' },
    { name: 'bin/suid', content: 'x', mode: 0o4755 },
    {
      name: 'bin/capable',
      content: 'x',
      mode: 0o755,
      xattrs: { 'security.capability': NET_RAW, 'user.note': Buffer.from('hello') },
    },
    folder('sticky/', { mode: 0o1777, uid: 5, gid: 6 }),
  ],
];
const kinds: Readonly<Record<string, (options: ArchiveOptions) => Promise<Buffer>>> = {
  'docker save': (options) => dockerArchive(options),
  'an OCI layout': (options) => ociArchive(options),
  'a gzipped OCI layout': (options) => ociArchive({ ...options, gzip: true }),
};

describe.for(Object.entries(kinds))('%s', ([kind, make]) => {
  const ref = `layers:${kind.replaceAll(/\W+/g, '-')}`.toLowerCase();
  const sh = (script: string) => inside(stack, 'box', 'sh', '-c', script);

  test('is loaded under its name', async () => {
    const config = { Cmd: ['sleep', '1000'], Env: ['PATH=/bin', 'FROM_IMAGE=yes'], Labels: { kind } };
    const loaded = await stack.runWith({ input: await make({ ref, layers: layers(), config }) }, 'image', 'load');
    expect(loaded.code, loaded.stderr).toBe(0);
    expect(loaded.stdout).toContain(ref);
    await stack.write('compose.yaml', `name: layers\nservices: { box: { image: "${ref}" } }\n`);
    await stack.must('up', '-d');
  });

  test('what an upper layer deletes is gone, the rest is there', async () => {
    expect(await sh('ls /data; cat /data/kept /data/changed')).toBe('changed\nkept\nkeptnew');
    expect(await sh('ls -a /opaque')).toBe('.\n..\nabove');
    expect(await sh('ls /becomes-folder; cat /becomes-file')).toBe('inside\nnow a file');
  });

  test('owners, modes and hard links are kept', async () => {
    expect(await sh('stat -c "%u:%g %a" /data/changed /sticky /bin/suid')).toBe('1000:1000 600\n5:6 1777\n0:0 4755');
    expect(await sh('stat -c "%i %h" /first')).toBe(await sh('stat -c "%i %h" /second'));
    expect(await sh('stat -c "%h" /first')).toBe('2');
  });

  test('extended attributes are kept, file capabilities among them', async () => {
    const pid = JSON.parse(await stack.must('ps', '--format', 'json')).Pid;
    const path = `/proc/${pid}/root/bin/capable`;
    const read = `import os,sys; p=sys.argv[1]; print(os.getxattr(p,"security.capability").hex(), os.getxattr(p,"user.note").decode())`;
    const result = await runProgram(['python3', '-c', read, path]);
    expect(result.stdout.trim(), result.stderr).toBe(`${NET_RAW.toString('hex')} hello`);
  });

  test('the configuration of the image is honoured', async () => {
    expect(await sh('echo $FROM_IMAGE')).toBe('yes');
    expect(readFileSync(`/proc/${JSON.parse(await stack.must('ps', '--format', 'json')).Pid}/cmdline`, 'utf8')).toBe(
      'sleep\x001000\x00',
    );
    await stack.must('down', '-t', '0');
  });
});

test('an image in use is not removed; unused layers are, shared ones stay', async () => {
  await stack.write('compose.yaml', 'name: layers\nservices: { box: { image: "layers:docker-save" } }\n');
  await stack.must('up', '-d');
  // Its tag can be taken away only by force, as in Docker.
  fails(await stack.run('image', 'rm', 'layers:docker-save'), { code: 1, says: [/layers-box-1/] });
  await stack.must('down', '-t', '0');
  await stack.must('image', 'rm', 'layers:docker-save');
  expect(await stack.must('image', 'ls')).toContain('an-oci-layout');
});

test('an archive that climbs out of its root changes nothing outside', async () => {
  const evil: Entry[] = [
    { name: 'escape', type: 'symlink', linkname: '/var/tmp' },
    { name: 'escape/tcompose-was-here', content: 'x' },
    { name: '../../../../../var/tmp/tcompose-was-here', content: 'x' },
    { name: 'hard', type: 'link', linkname: '/etc/passwd' },
  ];
  const result = await stack.runWith(
    { input: await dockerArchive({ ref: 'evil:1', layers: [evil] }) },
    'image',
    'load',
  );
  expect((await runProgram(['ls', '/var/tmp/tcompose-was-here'])).code).not.toBe(0);
  if (result.code !== 0) fails(result, { code: 1, says: [] });
});

test.for([
  ['not an archive', Buffer.from('hello '.repeat(1000))],
  ['an empty input', Buffer.alloc(0)],
  ['half of an archive', undefined],
] as const)('%s is refused and leaves nothing', async ([, bytes]) => {
  const before = await stack.must('image', 'ls', '-q');
  const whole = await dockerArchive({ ref: 'half:1', layers: layers() });
  fails(await stack.runWith({ input: bytes ?? whole.subarray(0, whole.length >> 1) }, 'image', 'load'), {
    code: 1,
    says: [],
  });
  expect(await stack.must('image', 'ls', '-q')).toBe(before);
});
