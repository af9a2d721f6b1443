/** Whatever a layer says, nothing outside of its folder is touched, and what fails leaves nothing. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ImageStore } from '../../../engine/image/index.ts';
import { buildLauncher } from '../../helpers/build-probe.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { END, type Entry, entryBytes, makeTar } from '../../unit/image/tar-writer.ts';
import { importTar, listTree, openStore } from './a-store.ts';

let instance: Instance;
let store: ImageStore;
let outside: string;
let before: string[];

/** All around the store, and what a link to the host's root would reach first. */
const sentinels = async (): Promise<string[]> => [
  ...(await listTree(outside)),
  ...readdirSync('/').sort(),
  ...readdirSync('/etc').sort(),
];

beforeAll(async () => {
  instance = await makeInstance();
  // Its own mistakes with memory would be the way out.
  store = openStore(instance, buildLauncher({ sanitized: true }));
  outside = join(instance.root, 'outside');
  mkdirSync(join(outside, 'folder'), { recursive: true });
  writeFileSync(join(outside, 'folder/file'), 'untouched');
  writeFileSync(join(outside, 'secret'), 'secret', { mode: 0o600 });
  before = await sentinels();
});
beforeEach(() => {
  execFileSync('mkdir', ['-p', join(instance.root, 'images/layers/l')]);
});
afterAll(async () => {
  await nothingIsLeft(instance);
  await removeInstance(instance);
});

const inside = async (entries: readonly Entry[]): Promise<string[]> => {
  const image = await importTar(store, makeTar(...entries), 'hostile');
  const tree = await listTree(`${(await store.layerPaths(image.id))[0]}/`);
  await store.remove(image.id, { force: true });
  return tree.filter((line) => !line.endsWith(' ')).map((line) => line.replace(/^(\S) .* (\S+( -> .*)?)$/, '$1 $2'));
};

const link = (name: string, target: string): Entry => ({ name, type: '2', link: target });
const file = (name: string): Entry => ({ name, data: 'evil' });

describe('harmless, since it stays inside', () => {
  const cases: readonly (readonly [string, () => Entry[]])[] = [
    ['absolute names', () => [file('/etc/evil'), file(`${outside}/folder/file`)]],
    [
      'a link to the host, and a file through it',
      () => [{ name: 'etc/', type: '5' }, link('escape', '/etc'), file('escape/tcompose-evil')],
    ],
    [
      'a link upwards, and a file through it',
      () => [link('up', '../../../../../../../../..'), file('up/tcompose-evil')],
    ],
    [
      'a link through a link',
      () => [link('a', 'b/..'), { name: 'b/', type: '5' }, link('c', 'a/../../..'), file('c/tcompose-evil')],
    ],
    ['a file over a link to a file outside', () => [link('x', join(outside, 'secret')), file('x')]],
    [
      'a folder over a link to a folder outside',
      () => [link('x', join(outside, 'folder')), { name: 'x/', type: '5', mode: 0o777, uid: 99 }, file('x/file')],
    ],
    ['a whiteout of a link to outside', () => [link('x', outside), { name: '.wh.x' }]],
    ['a whiteout through a link', () => [link('x', '/'), { name: 'x/.wh.etc' }, { name: 'x/.wh..wh..opq' }]],
    ['a whiteout of a whiteout', () => [{ name: '.wh..wh.x' }, { name: '.wh.a' }, { name: '.wh..wh..opq' }]],
    ['names that resolve to inside', () => [file('a/b/../../c'), file('./././d')]],
    [
      'a hard link to a link to outside',
      () => [link('x', join(outside, 'secret')), { name: 'y', type: '1', link: 'x' }, file('y')],
    ],
    [
      'a file over a folder that is on the way to itself',
      () => [{ name: 'a/', type: '5' }, link('a/up', '..'), { name: 'a/up/a', data: 'x' }, file('b')],
    ],
    ['a device and a file over it', () => [{ name: 'disk', type: '4', major: 254, minor: 0 }, file('disk')]],
    ['a pipe and a file over it', () => [{ name: 'p', type: '6' }, file('p')]],
    [
      'magic links',
      () => [
        link('me', '/proc/self/root'),
        { name: 'proc/', type: '5' },
        { name: 'proc/self/', type: '5' },
        { name: 'proc/self/root/', type: '5' },
        file('me/tcompose-evil'),
      ],
    ],
  ];
  test.each(cases)('%s', async (_, entries) => {
    await inside(entries());
    expect(await sentinels()).toEqual(before);
  });

  test('a link is replaced, not followed', async () => {
    const tree = await inside([
      link('x', join(outside, 'secret')),
      file('x'),
      link('d', outside),
      { name: 'd/', type: '5' },
    ]);
    expect(tree).toEqual(['d d', 'f x']);
  });
});

describe('refused, with nothing kept', () => {
  const cases: readonly (readonly [string, () => Buffer, RegExp])[] = [
    ['a name that climbs out', () => makeTar(file('../evil')), /leaves the root/],
    ['a name that climbs out from within', () => makeTar(file('a/../../evil')), /leaves the root/],
    [
      'a hard link to outside',
      () => makeTar({ name: 'x', type: '1', link: '../../../../etc/passwd' }),
      /leaves the root/,
    ],
    [
      'a hard link through a link to outside',
      () => makeTar(link('l', outside), { name: 'x', type: '1', link: 'l/secret' }),
      /hard link to something that it does not contain/,
    ],
    [
      'a hard link to an absolute name',
      () => makeTar({ name: 'x', type: '1', link: join(outside, 'secret') }),
      /hard link to something that it does not contain/,
    ],
    [
      'a hard link to a folder',
      () => makeTar({ name: 'd/', type: '5' }, { name: 'x', type: '1', link: 'd' }),
      /link failed with EPERM/,
    ],
    ['a NUL in a name', () => makeTar({ name: 'x', pax: { path: 'a\0b' } }), /NUL/],
    ['a NUL in a link', () => makeTar({ name: 'x', type: '2', pax: { linkpath: 'a\0b' } }), /no valid target/],
    ['a name that is too long', () => makeTar({ name: 'x', pax: { path: 'n'.repeat(300) } }), /ENAMETOOLONG/],
    ['a path that is too long', () => makeTar({ name: 'x', pax: { path: 'd/'.repeat(4000) } }), /ENAMETOOLONG/],
    ['a file beneath a file', () => makeTar(file('a'), file('a/b')), /ENOTDIR/],
    ['a file beneath a link that leads nowhere', () => makeTar(link('a', 'nowhere'), file('a/b')), /ENOENT/],
    ['links in a circle', () => makeTar(link('a', 'b'), link('b', 'a'), file('a/x')), /ELOOP/],
    ['a root that is a file', () => makeTar({ name: './', type: '2', link: '/' }), /the root is a symlink/],
    [
      'a size that is not there',
      () => Buffer.concat([entryBytes({ name: 'x', spoil: (header) => header.write('77777777777\0', 124) }), END]),
      /middle of an entry/,
    ],
    ['a negative size', () => makeTar({ name: 'x', spoil: (header) => header.fill(0xff, 124, 136) }), /no valid size/],
    [
      'a capability that is none',
      () => makeTar({ name: 'x', pax: { 'SCHILY.xattr.security.capability': 'nonsense' } }),
      /xattr failed with EINVAL/,
    ],
    ['a whiteout of nothing', () => makeTar({ name: 'a/.wh.' }), /hides nothing/],
    ['a whiteout of the parent', () => makeTar({ name: 'a/.wh...' }), /hides nothing/],
    [
      'an archive that is cut off in data',
      () => makeTar({ name: 'x', data: 'x'.repeat(5000) }).subarray(0, 3000),
      /middle of an entry/,
    ],
    ['an archive that is cut off between entries', () => entryBytes(file('x')), /end is missing/],
    ['an empty archive', () => Buffer.alloc(0), /end is missing/],
    ['text', () => Buffer.from('this is not a tar archive'.repeat(100)), /not a valid tar archive/],
    [
      'gzip that is cut off',
      () => execFileSync('gzip', ['-c'], { input: makeTar(file('x')) }).subarray(0, 60),
      /gzip data is truncated/,
    ],
    [
      'zstd that is cut off',
      () => execFileSync('zstd', ['-qc'], { input: makeTar(file('x')) }).subarray(0, 60),
      /zstd data is truncated/,
    ],
  ];
  test.each(cases)('%s', async (_, tar, message) => {
    await expect(importTar(store, tar(), 'hostile')).rejects.toMatchObject({
      name: 'TcomposeError',
      message: expect.stringMatching(message),
    });
    expect(await sentinels()).toEqual(before);
    expect(readdirSync(join(instance.root, 'images/layers'))).toEqual(['l']);
    expect(readdirSync(join(instance.root, 'images/partial'))).toEqual([]);
    expect(await store.list()).toEqual([]);
  });

  test('a tree deeper than a path may be long is removed with the rest', async () => {
    const levels = Array.from({ length: 30 }, (_, index) => [
      { name: `${index}`, type: '5' },
      { name: 'x', pax: { path: `${index}/${'d/'.repeat(1000)}` }, type: '5' },
      { name: `l${index}`, pax: { linkpath: `${index === 0 ? '' : `l${index - 1}/`}${'d/'.repeat(900)}` }, type: '2' },
    ]).flat();
    await importTar(store, makeTar(...levels.slice(0, 6), { name: 'bad', type: 'Q' })).catch(() => undefined);
    expect(readdirSync(join(instance.root, 'images/partial'))).toEqual([]);
  });

  test('a sparse file of petabytes costs nothing', async () => {
    const size = String(2 ** 42);
    const image = await importTar(
      store,
      makeTar({ name: 'x', data: 'ab', pax: { 'GNU.sparse.size': size, 'GNU.sparse.map': `${2 ** 41},2` } }),
    );
    const argv = ['-c', '%s %b', `${(await store.layerPaths(image.id))[0]}/x`];
    expect(execFileSync('stat', argv, { encoding: 'utf8' })).toMatch(new RegExp(`^${size} \\d{1,3}\n$`));
    await store.remove(image.id, { force: false });
  });
});
