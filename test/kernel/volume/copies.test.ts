/** Copies of volumes: whole, safe from who writes meanwhile, and there in full or not at all. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, test } from 'vitest';
import type { VolumeCopyFacts } from '../../../src/model/volume-facts.ts';
import { eventually } from '../../helpers/eventually.ts';
import { type Entry, makeTar } from '../../unit/image/tar-writer.ts';
import { aContainer, runContainers } from '../container/a-container.ts';
import { useEngine } from '../container/use-engine.ts';

const stage = useEngine();
const plain = (name: string, driverOpts: Record<string, string> = {}) => ({
  name,
  external: false,
  driver: 'local' as const,
  driverOpts,
  labels: {},
});
const dataOf = (name: string) => join(stage.instance.root, 'volumes', name, '_data');
const make = (name: string, driverOpts?: Record<string, string>) =>
  stage.engine.volumes.create([plain(name, driverOpts)]);
const clone = (from: string, to: string, pause = false) => stage.engine.volumes.clone(from, plain(to), { pause });
const sh = (script: string, cwd: string) => execFileSync('sh', ['-ec', script], { cwd, encoding: 'utf8' });
/** Everything that must survive, a line for each file. */
const listing = (name: string) =>
  sh(
    `find . -printf '%p %y %m %U:%G %s %T@ %n %l\\n' | grep -av '^\\. ' | LC_ALL=C sort
     stat -c '%a %u:%g' .
     stat -c '%n %t:%T' char
     find . -type f -exec sha256sum {} + | sort`,
    dataOf(name),
  );
const attributes = async (name: string) =>
  (await buffer(await stage.engine.volumes.export(name))).toString('latin1').match(/SCHILY.xattr.*/g);
const names = () => readdirSync(join(stage.instance.root, 'volumes'));

beforeAll(async () => {
  const noted = {
    name: 'noted',
    data: 'x',
    pax: { 'SCHILY.xattr.user.note': 'kept', 'SCHILY.xattr.trusted.x': 'not' },
  };
  await stage.engine.volumes.import(plain('full'), Readable.from([makeTar(noted)]));
  const data = dataOf('full');
  sh(
    `mkdir -m 1770 sub; echo one > sub/file; chmod 4640 sub/file; chown 70:71 sub sub/file; ln sub/file hard; ln -s /etc/shadow soft
     mkfifo pipe; mknod char c 1 3; touch -d @1000.123456789 sub/file; printf 'odd' > "$(printf 'odd\\377')"
     dd if=/dev/zero of=sparse bs=1 count=1 seek=9999999 2>/dev/null; truncate -s 20M sparse
     chmod 750 .; chown 5:6 .`,
    data,
  );
});

test('a clone is the same to the last attribute', async () => {
  await clone('full', 'twin');
  expect(listing('twin')).toBe(listing('full'));
  expect(await attributes('twin')).toEqual(['SCHILY.xattr.user.note=kept']);
  const blocks = (name: string) => lstatSync(join(dataOf(name), 'sparse')).blocks;
  expect(blocks('twin')).toBeLessThanOrEqual(blocks('full') + 8);
  expect(lstatSync(join(dataOf('twin'), 'hard')).ino).toBe(lstatSync(join(dataOf('twin'), 'sub/file')).ino);
  expect(await stage.engine.volumes.diff('full', 'twin')).toEqual([]);
});

test('an archive brings all of it back, holes included', async () => {
  const tar = await buffer(await stage.engine.volumes.export('full'));
  expect(tar.length).toBeLessThan(1_000_000);
  await stage.engine.volumes.import(plain('again'), Readable.from([tar]));
  expect(listing('again')).toBe(listing('full'));
  expect(await attributes('again')).toEqual(['SCHILY.xattr.user.note=kept']);
  // Other programs read it, too.
  expect(execFileSync('tar', ['-t'], { input: tar, encoding: 'utf8' })).toContain('./sub/file\n');
});

test('a difference is found by name, size, facts and, where the time differs, content', async () => {
  await clone('full', 'other');
  const data = dataOf('other');
  sh(
    'rm pipe; echo new > new; echo two > sub/file; chmod 600 soft sparse; ln -sfn /elsewhere soft; chown 9:9 sub',
    data,
  );
  await make('quiet');
  expect(await stage.engine.volumes.diff('full', 'other')).toEqual([
    { path: 'hard', kind: 'changed', what: ['content'] },
    { path: 'new', kind: 'added', what: [] },
    { path: 'pipe', kind: 'removed', what: [] },
    { path: 'soft', kind: 'changed', what: ['link'] },
    { path: 'sparse', kind: 'changed', what: ['mode'] },
    { path: 'sub', kind: 'changed', what: ['owner'] },
    { path: 'sub/file', kind: 'changed', what: ['content'] },
  ]);
  writeFileSync(join(data, 'sub/file'), 'one\n');
  utimesSync(join(data, 'sub/file'), 5, 5);
  const again = await stage.engine.volumes.diff('full', 'other');
  expect(again.map(({ path }) => path)).not.toContain('sub/file');
});

describe('targets', () => {
  test('one with something in it is refused and left alone; an empty one is filled', async () => {
    await make('taken');
    writeFileSync(join(dataOf('taken'), 'mine'), 'mine');
    for (const attempt of [
      () => clone('full', 'taken'),
      () => stage.engine.volumes.import(plain('taken'), Readable.from([makeTar({ name: 'x', data: 'x' })])),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'volume-exists' });
    expect(readdirSync(dataOf('taken'))).toEqual(['mine']);
    await make('empty');
    await clone('full', 'empty');
    expect(listing('empty')).toBe(listing('full'));
    await make('elsewhere', { type: 'tmpfs', device: 'tmpfs' });
    await expect(clone('full', 'elsewhere')).rejects.toMatchObject({ code: 'volume-exists' });
    await expect(clone('full', '../x')).rejects.toMatchObject({ code: 'bad-volume-name' });
    await expect(clone('absent', 'x')).rejects.toMatchObject({ code: 'volume-missing' });
  });

  test('one that a running container mounts is refused', async () => {
    await make('held');
    const mount = { kind: 'volume', volume: 'held', target: '/d', readOnly: false, noCopy: true } as const;
    await runContainers(stage.engine, [aContainer(stage.image, 'holder', { mounts: [mount] })]);
    await expect(clone('full', 'held')).rejects.toThrow('volume held is mounted by holder');
  });
});

describe('interrupted', () => {
  test('a clone leaves no volume, nor what one that was killed has left', async () => {
    const left = join(stage.instance.root, 'volumes/.making-4194304-0000');
    mkdirSync(left);
    const abort = new AbortController();
    const options = { pause: false, signal: abort.signal, onBegin: () => abort.abort() };
    await expect(stage.engine.volumes.clone('full', plain('never'), options)).rejects.toThrow();
    expect(names().filter((name) => name.startsWith('.') || name === 'never')).toEqual([]);
  });

  test('an archive that ends early, or is none, leaves no volume', async () => {
    const tar = await buffer(await stage.engine.volumes.export('full'));
    for (const bytes of [tar.subarray(0, tar.length - 1024), tar.subarray(0, 700), Buffer.alloc(2048, 'x')])
      await expect(stage.engine.volumes.import(plain('never'), Readable.from([bytes]))).rejects.toThrow(/archive/);
    expect(names().filter((name) => name.startsWith('.') || name === 'never')).toEqual([]);
  });
});

test('a hostile archive stays in the volume', async () => {
  const outside = join(stage.instance.root, 'outside');
  mkdirSync(outside);
  const into = (...entries: readonly Entry[]) =>
    stage.engine.volumes.import(plain('hostile'), Readable.from([makeTar(...entries)]));
  await expect(into({ name: '../../escaped', data: 'x' })).rejects.toThrow();
  await into({ name: 'l', type: '2', link: outside }, { name: 'l/escaped', data: 'x' }).catch(() => undefined);
  expect(readdirSync(outside)).toEqual([]);
  expect(existsSync(join(stage.instance.root, 'escaped'))).toBe(false);
});

test('volumes with driver options are read through them, and unmounted again', async () => {
  const folder = join(stage.instance.root, 'host-folder');
  mkdirSync(folder);
  writeFileSync(join(folder, 'file'), 'from the host');
  await make('bound', { type: 'none', device: folder, o: 'bind' });
  await clone('bound', 'copy');
  expect(readFileSync(join(dataOf('copy'), 'file'), 'utf8')).toBe('from the host');
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(dataOf('bound'));
  expect((await stage.engine.volumes.find('copy'))!.madeFrom.driverOpts).toEqual({});
});

describe('while a container writes', () => {
  const mount = { kind: 'volume', volume: 'busy', target: '/d', readOnly: false, noCopy: true } as const;
  const facts = async (pause: boolean, to: string, script: string) => {
    await stage.engine.volumes.remove(['busy'], { force: true });
    await make('busy');
    await runContainers(stage.engine, [
      aContainer(stage.image, 'writer', { mounts: [mount], argv: ['sh', '-c', script] }),
    ]);
    const seen: VolumeCopyFacts[] = [];
    await stage.engine.volumes.clone('busy', plain(to), { pause, onBegin: (one) => seen.push(one) });
    return seen[0]!;
  };

  test('it is named, or frozen for as long as it takes', async () => {
    const script = 'i=0; while :; do i=$((i+1)); echo $i > /d/a; echo $i > /d/b; done';
    expect((await facts(false, 'loose', script)).running).toEqual(['writer']);
    expect((await stage.engine.volumes.clone('busy', plain('still'), { pause: true })).running).toEqual([]);
    expect((await stage.engine.containers.find('writer'))!.status).toBe('running');
    const moment = () => readFileSync(join(dataOf('busy'), 'a'), 'utf8');
    const before = moment();
    await eventually(() => expect(moment()).not.toBe(before));
  });
});

const hasXfs = (() => {
  try {
    execFileSync('mkfs.xfs', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

test('where the file system can, blocks are shared', async (ctx) => {
  if (!hasXfs) ctx.skip('needs mkfs.xfs (xfsprogs)');
  const [file, volumes] = [join(stage.instance.root, 'xfs'), join(stage.instance.root, 'volumes')];
  const kept = `${volumes}-kept`;
  execFileSync('mv', [volumes, kept]);
  mkdirSync(volumes);
  writeFileSync(file, '');
  truncateSync(file, 400 << 20);
  execFileSync('mkfs.xfs', ['-q', '-m', 'reflink=1', file]);
  execFileSync('mount', ['-o', 'loop', file, volumes]);
  try {
    await make('big');
    execFileSync('dd', ['if=/dev/urandom', `of=${join(dataOf('big'), 'file')}`, 'bs=1M', 'count=200'], {
      stdio: 'ignore',
    });
    symlinkSync('x', join(dataOf('big'), 'link'));
    // Two of them have no room as copies.
    expect(await clone('big', 'one')).toMatchObject({ sharesBlocks: true });
    expect(await clone('big', 'two')).toMatchObject({ sharesBlocks: true });
    expect(await stage.engine.volumes.diff('big', 'two')).toEqual([]);
  } finally {
    execFileSync('umount', [volumes]);
    execFileSync('rmdir', [volumes]);
    execFileSync('mv', [kept, volumes]);
  }
});
