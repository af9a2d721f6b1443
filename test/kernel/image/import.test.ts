/** A root filesystem's tar is on disk exactly as it was meant. */
import { execFileSync, spawn } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ByteReader } from '../../../engine/image/byte-reader.ts';
import type { ImageStore } from '../../../engine/image/index.ts';
import { readTar, type TarEntry } from '../../../engine/image/tar-reader.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { makeTar } from '../../unit/image/tar-writer.ts';
import { importTar, launcher, listTree, openStore, sha256, streamOf, zstd } from './a-store.ts';

let instance: Instance;
let store: ImageStore;
beforeAll(async () => {
  instance = await makeInstance();
  store = openStore(instance);
});
afterAll(async () => {
  await nothingIsLeft(instance);
  await removeInstance(instance);
});

const folderOf = async (id: string): Promise<string> => (await store.layerPaths(id))[0]!;
/** As GNU tar reads them back. */
const attributesOf = async (path: string): Promise<Record<string, string>> => {
  const argv = ['--xattrs', '--xattrs-include=*', '--format=pax', '--no-recursion', '-P', '-cf', '-', path];
  const entry = await readTar(new ByteReader(streamOf(execFileSync('tar', argv)))).next();
  return Object.fromEntries(
    [...(entry.value as TarEntry).xattrs].map(([name, value]) => [name, value.toString('hex')]),
  );
};

describe('import', () => {
  test('a tree of the host comes out as tar itself would unpack it', async () => {
    const source = join(instance.root, 'source');
    execFileSync('mkdir', ['-p', join(source, 'a/b/c')]);
    execFileSync('cp', ['-a', '/etc', '/usr/share/zoneinfo', join(source, 'a')]);
    execFileSync('chown', ['-h', '1234:56', join(source, 'a/b')]);
    execFileSync('ln', [join(source, 'a/etc/passwd'), join(source, 'a/b/hard')]);
    execFileSync('touch', ['-d', '1999-12-31 12:00:00 UTC', join(source, 'a/b/c'), join(source, 'a')]);
    const tar = execFileSync('tar', ['-C', source, '--numeric-owner', '-cf', '-', '.'], { maxBuffer: 1 << 28 });
    const image = await importTar(store, tar, 'tree');
    const strip = (lines: string[]) => lines.map((line) => line.replace(/\.\d+ /, ' ')).sort();
    expect(strip(await listTree(`${await folderOf(image.id)}/`))).toEqual(strip(await listTree(`${source}/`)));
    expect(image.layers).toEqual([`sha256:${sha256(tar)}`]);
  });

  test('modes, owners, devices, times, capabilities and hard links', async () => {
    const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
    const image = await importTar(
      store,
      makeTar(
        { name: 'bin/', type: '5', mode: 0o2755, uid: 1, gid: 2, mtime: 100 },
        { name: 'bin/su', data: 'su', mode: 0o4755, uid: 0, gid: 3, mtime: 200 },
        {
          name: 'bin/ping',
          data: 'p',
          mode: 0o755,
          uid: 7,
          pax: { 'SCHILY.xattr.security.capability': capability, 'SCHILY.xattr.user.note': 'hi' },
        },
        { name: 'bin/ping6', type: '1', link: 'bin/ping' },
        { name: 'bin/sh', type: '2', link: '/../../bin/bash', uid: 9, mtime: 300 },
        { name: 'null', type: '3', major: 1, minor: 3, mode: 0o666 },
        { name: 'pipe', type: '6', mode: 0o600 },
        { name: 'deep/er/file', data: 'x' },
      ),
    );
    const folder = await folderOf(image.id);
    const tree = await listTree(`${folder}/`);
    expect(tree).toContain('d 02755 1:2 100 bin');
    expect(tree.find((line) => line.includes(' bin/su'))).toMatch(/^f 04755 0:3 2 1 200 bin\/su$/);
    expect(tree.find((line) => line.includes(' bin/sh'))).toMatch(
      /^l \S+ \S+ \d+ 1 300 bin\/sh -> \/\.\.\/\.\.\/bin\/bash$/,
    );
    expect(
      execFileSync('stat', ['-c', '%h %i', `${folder}/bin/ping`, `${folder}/bin/ping6`], { encoding: 'utf8' }),
    ).toMatch(/^(2 \d+)\n\1\n$/);
    expect(await attributesOf(`${folder}/bin/ping`)).toEqual({
      'security.capability': capability.toString('hex'),
      'user.note': '6869',
    });
    expect(execFileSync('stat', ['-c', '%F %t:%T %a', `${folder}/null`], { encoding: 'utf8' })).toBe(
      'character special file 1:3 666\n',
    );
    expect(execFileSync('stat', ['-c', '%F %a', `${folder}/deep/er`, folder + '/'], { encoding: 'utf8' })).toBe(
      'directory 755\ndirectory 755\n',
    );
  });

  test('whiteouts become what overlay understands, and an image cannot set its attributes', async () => {
    const image = await importTar(
      store,
      makeTar(
        { name: 'etc/.wh.gone' },
        { name: 'var/.wh..wh..opq' },
        { name: 'var/new', data: 'n' },
        { name: '.wh..wh.plnk/1', data: 'aufs' },
        { name: 'same', data: 'stays' },
        { name: '.wh.same' },
        { name: '.wh.later' },
        { name: 'later/', type: '5' },
        {
          name: 'evil/',
          type: '5',
          pax: { 'SCHILY.xattr.trusted.overlay.redirect': '/etc', 'SCHILY.xattr.user.overlay.opaque': 'y' },
        },
      ),
    );
    const folder = await folderOf(image.id);
    expect(execFileSync('stat', ['-c', '%F %t:%T', `${folder}/etc/gone`], { encoding: 'utf8' })).toBe(
      'character special file 0:0\n',
    );
    expect(await attributesOf(`${folder}/var`)).toEqual({ 'trusted.overlay.opaque': '79' });
    expect(await attributesOf(`${folder}/later`)).toEqual({ 'trusted.overlay.opaque': '79' });
    expect(await attributesOf(`${folder}/evil`)).toEqual({});
    expect(await readFile(`${folder}/same`, 'utf8')).toBe('stays');
    expect((await readdir(folder)).sort()).toEqual(['etc', 'evil', 'later', 'same', 'var']);
  });

  test('gzip, zstd, xz, bzip2 and plain archives are one layer, kept once', async () => {
    const tar = makeTar({ name: 'same', data: 'x'.repeat(200_000) });
    const compressed = [
      tar,
      gzipSync(tar),
      Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]),
      zstd(tar),
    ];
    for (const program of ['xz', 'bzip2']) compressed.push(execFileSync(program, ['-c'], { input: tar }));
    const before = (await readdir(join(instance.root, 'images/layers'))).length;
    for (const bytes of compressed) expect((await importTar(store, bytes)).layers).toEqual([`sha256:${sha256(tar)}`]);
    expect((await readdir(join(instance.root, 'images/layers'))).length).toBe(before + 1);
  });

  test('a later entry replaces an earlier one, whatever it was', async () => {
    const kinds = [
      { type: '0', data: 'file' },
      { type: '5' },
      { type: '2', link: 'elsewhere' },
      { type: '1', link: 'other' },
      { type: '6' },
    ];
    for (const first of kinds) {
      for (const second of kinds) {
        const image = await importTar(
          store,
          makeTar(
            { name: 'other', data: 'o' },
            { ...first, name: 'x' },
            ...(first.type === '5' ? [{ name: 'x/inside', data: 'i' }] : []),
            { ...second, name: 'x' },
            { name: `unique${first.type}${second.type}` },
          ),
        );
        const path = `${await folderOf(image.id)}/x`;
        const kind = execFileSync('stat', ['-c', '%F', path], { encoding: 'utf8' }).trim();
        const expected = {
          '0': 'regular file',
          '5': 'directory',
          '2': 'symbolic link',
          '1': 'regular file',
          '6': 'fifo',
        }[second.type];
        expect({ first, second, kind }).toEqual({ first, second, kind: expected });
        if (second.type === '0') expect(await readFile(path, 'utf8')).toBe('file');
        if (second.type === '2') expect(await readlink(path)).toBe('elsewhere');
        if (second.type === '5') expect(await readdir(path)).toEqual(first.type === '5' ? ['inside'] : []);
      }
    }
  });

  test('names are bytes: newlines, and what is not UTF-8', async () => {
    const odd = Buffer.from([0x61, 0x0a, 0xff, 0xfe]);
    const image = await importTar(store, makeTar({ name: odd.toString('latin1'), data: 'x' }));
    expect(await readdir(await folderOf(image.id), { encoding: 'buffer' })).toEqual([odd]);
  });

  test('changes are in the configuration', async () => {
    const image = await store.import(streamOf(makeTar({ name: 'a' })), 'changed:1', {
      changes: ['CMD ["sleep","1"]', 'ENV A=b', 'VOLUME /data', 'EXPOSE 80'],
      message: 'from a test',
    });
    expect(image.tags).toEqual(['docker.io/library/changed:1']);
    expect(image.config).toMatchObject({
      cmd: ['sleep', '1'],
      env: ['A=b'],
      volumes: ['/data'],
      exposedPorts: ['80/tcp'],
    });
    expect(image.raw).toMatchObject({ os: 'linux', history: [{ comment: 'from a test' }] });
  });

  test('an import that is killed leaves only what the next one clears away', async () => {
    const script = `
      import { openImages } from './engine/image/index.ts';
      const slow = async function* () { yield Buffer.alloc(0); yield ${JSON.stringify(makeTar({ name: 'half', data: 'x'.repeat(9000) }).toString('latin1'))} && Buffer.from(${JSON.stringify(makeTar({ name: 'half', data: 'x'.repeat(9000) }).toString('base64'))}, 'base64').subarray(0, 4000); process.stdout.write('there'); await new Promise((r) => setTimeout(r, 60000)); };
      await openImages(${JSON.stringify({ paths: { root: instance.root, run: instance.run }, launcher })}).import(slow(), 'half', { changes: [] });`;
    const bundled = execFileSync(
      'npx',
      ['esbuild', '--bundle', '--platform=node', '--format=esm', '--loader=ts', '--log-level=error'],
      { input: script },
    );
    const child = spawn(process.execPath, ['--input-type=module', '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(bundled);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    const partial = join(instance.root, 'images/partial');
    expect(await readdir(partial)).toHaveLength(1);
    await importTar(store, makeTar({ name: 'next' }), 'next');
    await store.remove('next', { force: false });
    expect(await readdir(partial)).toEqual([]);
    expect(await store.find('half')).toBeUndefined();
  });
});
