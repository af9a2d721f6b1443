/** Files of containers: cp in both directions, commit, export, and what the image's or a volume's links may not do to this host. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { runProgram } from '../../helpers/run-program.ts';
import { TCOMPOSE, useStack } from '../../helpers/tcompose.ts';

const stack = useStack({
  files: {
    'compose.yaml': `
name: files
services:
  app:
    image: busybox
    command: [sleep, "1000"]
    init: true
    volumes: ["data:/data"]
  other:
    image: busybox
    command: [sleep, "1000"]
    init: true
    volumes: ["data:/data"]
  guarded:
    image: busybox
    command: [sleep, "1000"]
    init: true
    read_only: true
    volumes: ["data:/data", "data:/fixed:ro"]
    tmpfs: [/scratch]
  user:
    image: busybox
    command: [sleep, "1000"]
    init: true
    user: "77:78"
volumes: { data: }
`,
    one: 'one\n',
    'tree/a/b': 'b\n',
  },
});

const at = (path: string) => join(stack.folder, path);
const inside = (script: string, service = 'app') => stack.must('exec', '-T', service, 'sh', '-c', script);

beforeAll(async () => {
  await stack.must('up', '-d');
});

test('into a container: ids, modes, times, links and holes are kept, and -a gives all to the container’s user', async () => {
  execFileSync(
    'sh',
    [
      '-c',
      'chown -R 12:34 tree; chmod 4751 tree/a/b; ln -s b tree/a/l; ln tree/a/b tree/a/h; truncate -s 4M tree/hole; touch -d @1000000000.5 tree/a/b',
    ],
    { cwd: stack.folder },
  );
  await stack.must('cp', 'tree', 'app:/data/');
  expect(
    await inside('cd /data/tree; ls -ln a | tail -n +2 | tr -s " " | cut -d" " -f1-4,9-; du -k hole | cut -f1'),
  ).toBe('-rwsr-x--x 2 12 34 b\n-rwsr-x--x 2 12 34 h\nlrwxrwxrwx 1 0 0 l -> b\n0\n'.replaceAll('\n', '\n'));
  expect(await inside('date -u -r /data/tree/a/b +%s')).toBe('1000000000\n');
  await stack.must('cp', '-a', 'one', 'user:/tmp/one');
  expect(await inside('ls -ln /tmp/one | tr -s " " | cut -d" " -f3,4', 'user')).toBe('77 78\n');
});

test('out of a container: files belong to who copies, and links stay links', async () => {
  await stack.must('cp', 'app:/data/tree/.', 'out');
  expect([lstatSync(at('out/a/b')).uid, lstatSync(at('out/a/b')).mode & 0o7777]).toEqual([0, 0o4751]);
  expect(lstatSync(at('out/a/l')).isSymbolicLink()).toBe(true);
  expect(statSync(at('out/hole')).blocks).toBe(0);
  await stack.must('cp', '-L', 'app:/data/tree/a/l', 'followed');
  expect(readFileSync(at('followed'), 'utf8')).toBe('b\n');
});

test('as an archive on standard output, and from standard input', async () => {
  const pipe = `"$0" cp app:/data/tree - | tar x -C into && "$0" cp app:/data/tree/. - | "$0" cp - other:/tmp`;
  mkdirSync(at('into'));
  const options = { cwd: stack.folder, env: stack.instance.env };
  expect((await runProgram(['sh', '-c', pipe, TCOMPOSE], options)).code).toBe(0);
  expect(readFileSync(at('into/tree/a/h'), 'utf8')).toBe('b\n');
  const followed = '"$0" cp -L app:/data/tree/a/l - | tar t';
  expect((await runProgram(['sh', '-c', followed, TCOMPOSE], options)).stdout).toBe('b\n');
  expect((await stack.run('cp', 'one', 'app:')).stderr).toContain('names no path');
  expect(await inside('cat /tmp/a/l', 'other')).toBe('b\n');
});

test('in a stopped container too, its volumes seen; what was written is there when it runs', async () => {
  await stack.must('stop', '-t', '0', 'app');
  await stack.must('cp', 'one', 'app:/data/stopped');
  await stack.must('cp', 'one', 'app:/etc/mine');
  await stack.must('cp', 'app:/data/stopped', 'back');
  expect(readFileSync(at('back'), 'utf8')).toBe('one\n');
  await stack.must('start', 'app');
  expect(await inside('cat /data/stopped /etc/mine')).toBe('one\none\n');
});

test('what is read-only stays so, running or not', async () => {
  const refused = async (to: string) => {
    const { code, stderr } = await stack.run('cp', 'one', `guarded:${to}`);
    expect([code, stderr]).toEqual([1, expect.stringContaining('it is mounted read-only')]);
  };
  await refused('/etc/x');
  await refused('/fixed/x');
  await stack.must('cp', 'one', 'guarded:/data/allowed');
  await stack.must('cp', 'one', 'guarded:/scratch/seen');
  expect(await inside('cat /scratch/seen', 'guarded')).toBe('one\n');
  await stack.must('stop', '-t', '0', 'guarded');
  await refused('/etc/x');
  await refused('/fixed/x');
});

test('links in an image or volume never lead to this host', async () => {
  const bait = at('bait');
  mkdirSync(bait);
  writeFileSync(join(bait, 'secret'), 'secret\n');
  await inside(`ln -s ${bait} /data/absolute; ln -s ../../../../../../../../../..${bait} /data/relative`);
  for (const link of ['absolute', 'relative']) {
    for (const source of [`app:/data/${link}/secret`, `app:/data/${link}/.`]) {
      expect((await stack.run('cp', source, 'stolen')).code).toBe(1);
      expect((await stack.run('cp', '-L', source, 'stolen')).code).toBe(1);
    }
    expect((await stack.run('cp', 'one', `app:/data/${link}/planted`)).code).toBe(1);
  }
  expect(existsSync(at('stolen'))).toBe(false);
  expect(readdirSync(bait)).toEqual(['secret']);
});

// CVE-2018-15664: a path that was looked at, and swapped for a link before it was used.
test('also when another container swaps folder and link as fast as it can while files are copied', async () => {
  const bait = at('bait2');
  mkdirSync(bait);
  writeFileSync(join(bait, 'f'), 'secret of the host\n');
  await inside('mkdir -p /data/race/real; echo mine > /data/race/real/f');
  const swap = `cd /data/race; ln -s ${bait} link; mv real d; while [ ! -e /data/stop ]; do mv d real; mv link d; mv d link; mv real d; done`;
  await stack.must('exec', '-d', 'other', 'sh', '-c', swap);
  try {
    for (let i = 0; i < 5; i++) {
      const out = await stack.run('cp', 'app:/data/race/d/f', 'raced');
      if (out.code === 0) expect(readFileSync(at('raced'), 'utf8')).toBe('mine\n');
      await stack.run('cp', 'tree/.', 'app:/data/race/d');
    }
  } finally {
    await inside('touch /data/stop');
  }
  expect(readdirSync(bait)).toEqual(['f']);
  expect(readFileSync(join(bait, 'f'), 'utf8')).toBe('secret of the host\n');
});

// CVE-2019-14271: a helper of the engine that ran what the container had put in its way.
test('nothing of the container is run for a copy', async () => {
  await inside(
    'cd /bin; for p in tar gzip cp sh busybox; do [ -e real-$p ] || cp $p real-$p; done; mkdir -p /lib; echo bad > /lib/libnss_files.so.2; rm -f /etc/nsswitch.conf',
  );
  await stack.must('stop', '-t', '0', 'app');
  await stack.must('cp', 'one', 'app:/etc/again');
  await stack.must('cp', 'app:/etc/again', 'again');
  expect(readFileSync(at('again'), 'utf8')).toBe('one\n');
  await stack.must('start', 'app');
});

test('what a link of this host leads to is copied with -L, the link itself without', async () => {
  symlinkSync('one', at('link'));
  await stack.must('cp', 'link', 'app:/tmp/link');
  await stack.must('cp', '-L', 'link', 'app:/tmp/file');
  expect(await inside('readlink /tmp/link; cat /tmp/file')).toBe('one\none\n');
});

test('a file that grows to a gigabyte of holes and data goes through in pieces', async () => {
  execFileSync(
    'sh',
    [
      '-c',
      'truncate -s 1G large; head -c 30000000 /dev/zero | tr "\\0" x | dd of=large bs=1M seek=500 conv=notrunc status=none',
    ],
    { cwd: stack.folder },
  );
  await stack.must('cp', 'large', 'app:/data/large');
  expect(await inside('stat -c "%s" /data/large; tail -c +524288001 /data/large | head -c 3')).toBe('1073741824\nxxx');
});

test('a commit has what was written, removed and replaced, on the layers of the image; it runs', async () => {
  await inside(
    'rm /bin/wc; rm -r /root; mkdir /root; echo new > /root/new; echo a > /srv; ln /srv /srv2; truncate -s 2M /holes; chmod 4711 /srv',
  );
  await stack.must(
    'commit',
    '-m',
    'why',
    '-a',
    'me',
    '-c',
    'ENV X=1',
    '-c',
    'CMD ["sh","-c","cat /srv2; echo $X"]',
    'app',
    'made:1',
  );
  const [image] = JSON.parse(await stack.must('image', 'inspect', 'made:1'));
  const [base] = JSON.parse(await stack.must('image', 'inspect', 'busybox'));
  expect(image.RootFS.Layers.slice(0, -1)).toEqual(base.RootFS.Layers);
  await stack.write('made.yaml', 'name: made\nservices: { it: { image: "made:1" } }\n');
  const run = (script: string) => stack.must('-f', 'made.yaml', 'run', '--rm', '-T', 'it', 'sh', '-c', script);
  expect(await stack.must('-f', 'made.yaml', 'run', '--rm', '-T', 'it')).toBe('a\n1\n');
  expect(await run('ls /bin/wc 2>&1; ls -a /root; ls -l /srv | tr -s " " | cut -d" " -f1,2; du -k /holes')).toBe(
    'ls: /bin/wc: No such file or directory\n.\n..\nnew\n-rws--x--x 2\n0\t/holes\n',
  );
  await stack.must('-f', 'made.yaml', 'down');
});

test('an export is the whole file system without its mounts', async () => {
  await stack.must('export', '-o', 'whole.tar', 'app');
  const names = execFileSync('tar', ['tf', at('whole.tar')], { encoding: 'utf8' }).split('\n');
  expect(names).toEqual(expect.arrayContaining(['etc/mine', 'root/new', 'data/']));
  expect(names.filter((name) => /^data\/.|^proc\/.|^bin\/wc$/.test(name))).toEqual([]);
  expect(await stack.must('ps', 'app', '--format', '{{.Size}}')).toMatch(/^\d.*B \(virtual \d.*MB\)\n$/);
});

test('images and volumes of the project', async () => {
  expect(JSON.parse(await stack.must('images', '--format', 'json'))[0]).toMatchObject({
    ContainerName: 'files-app-1',
    Repository: 'busybox',
    Tag: 'latest',
  });
  expect(await stack.must('volumes', '--format', 'table {{.Driver}}\\t{{.Name}}')).toBe(
    'DRIVER    VOLUME NAME\nlocal     files_data\n',
  );
});

test('create makes and does not start, and says so of what is there', async () => {
  await stack.must('down', '-t', '0');
  await stack.must('create');
  expect(await stack.must('ps', '-a', '--format', '{{.Service}} {{.State}}')).toBe(
    'app created\nguarded created\nother created\nuser created\n',
  );
  await stack.must('cp', 'one', 'app:/data/before-start');
  await stack.must('up', '-d', 'app');
  expect(await inside('cat /data/before-start')).toBe('one\n');
});
