/** What COPY's words name in a tree, and what of it is known by digest: pure, on trees that are told. */
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../../engine/build/copy/digest.ts';
import { findSources, follow } from '../../../../engine/build/copy/find.ts';
import type { Listing, Member } from '../../../../engine/build/copy/listing.ts';
import { select } from '../../../../engine/build/copy/select.ts';
import { isSettled } from '../../../../engine/build/copy/stat-cache.ts';
import { Tree } from '../../../../engine/build/copy/tree.ts';
import { parseIgnoreFile } from '../../../../engine/build/ignore-file.ts';

/** Paths; `a -> b` is a link, a slash at the end a folder. */
function treeOf(lines: readonly string[], ignore = ''): { tree: Tree; listed: string[] } {
  const listed: string[] = [];
  const members = new Map<string, Member[]>([['', []]]);
  lines.forEach((line, index) => {
    const [written = '', target = ''] = line.split(' -> ');
    const path = written.replace(/\/$/, '');
    const type = written.endsWith('/') ? 'd' : target === '' ? 'f' : 'l';
    if (type === 'd') members.set(path, []);
    const name = path.slice(path.lastIndexOf('/') + 1);
    const identity = Buffer.alloc(48, index + 1).toString('latin1');
    const member = {
      name,
      path,
      type,
      mode: 0o644,
      uid: 0,
      gid: 0,
      links: 1,
      major: 0,
      minor: 0,
      size: 1,
      target,
      identity,
    } as const;
    // The order of a file system is any order.
    members.get(path.slice(0, Math.max(path.lastIndexOf('/'), 0)))!.unshift(member);
  });
  const list = async (path: string): Promise<Listing> => {
    listed.push(path);
    return members.has(path) ? { errno: 0, members: members.get(path)! } : { errno: 2, members: [] };
  };
  return { tree: new Tree(list, parseIgnoreFile(ignore).rules), listed };
}

const FILES = [
  'a.txt',
  'b.txt',
  'd/',
  'd/x.md',
  'd/s/',
  'd/s/deep.md',
  'd/s/y',
  'd/empty/',
  'l -> d/s',
  'abs -> /a.txt',
  'up -> ../../b.txt',
  'loop -> loop',
];

const named = async (word: string, wish: { parents?: boolean; exclude?: string[]; ignore?: string } = {}) => {
  const { tree } = treeOf(FILES, wish.ignore);
  const found = await select(tree, word, { parents: wish.parents ?? false, exclude: wish.exclude ?? [] });
  return found.map(({ name, isFolder, files }) =>
    [isFolder ? '/' : name, ...files.map(({ path }) => path)].join(' ').trim(),
  );
};

describe('a word names', () => {
  test.each([
    ['a.txt', ['a.txt']],
    ['./a.txt', ['a.txt']],
    ['/../a.txt', ['a.txt']],
    ['d', ['/ empty s s/deep.md s/y x.md']],
    ['d/s/', ['/ deep.md y']],
    ['l', ['/ deep.md y']],
    ['l/y', ['y']],
    ['abs', ['abs']],
    ['up', ['up']],
    ['*.txt', ['a.txt', 'b.txt']],
    ['[!a]*.txt', ['a.txt']],
    ['[^a]*.txt', ['b.txt']],
    ['d/*', ['/', '/ deep.md y', 'x.md']],
    ['*/s', ['/ deep.md y']],
    ['**/x.md', ['x.md']],
    ['none*', []],
    ['none/*', []],
  ])('%s: %j', async (word, expected) => expect(await named(word)).toEqual(expected));

  test.each(['missing', 'a.txt/x', 'd/none', 'd/s/../none'])('nothing: %s', (word) =>
    expect(named(word)).rejects.toThrow('not found'),
  );

  test('no endless circle', () => expect(named('loop')).rejects.toThrow('too many levels'));
  test('no pattern without its end', () => expect(named('[a')).rejects.toThrow('malformed'));
});

describe('with --parents', () => {
  test.each([
    ['d/s/deep.md', ['/ d d/s d/s/deep.md']],
    ['d/./s/deep.md', ['/ s s/deep.md']],
    ['d/**/*.md', ['/ d d/s d/s/deep.md d/x.md']],
    ['d/*', ['/ d d/empty d/s d/s/deep.md d/s/y d/x.md']],
    ['./d/./*.md', ['/ x.md']],
    ['*.txt', ['/ a.txt b.txt']],
    ['no*', ['/']],
  ])('%s', async (word, expected) => expect(await named(word, { parents: true })).toEqual(expected));
  test('a plain path that is not there is missing', () =>
    expect(named('d/no', { parents: true })).rejects.toThrow('not found'));
});

describe('with --exclude', () => {
  test('of a folder its patterns count from there', async () => {
    expect(await named('d', { exclude: ['*.md'] })).toEqual(['/ empty s s/deep.md s/y']);
    expect(await named('d', { exclude: ['**/*.md'] })).toEqual(['/ empty s s/y']);
    expect(await named('d', { exclude: ['s', '!s/y'] })).toEqual(['/ empty s s/y x.md']);
  });
});

describe('with .dockerignore', () => {
  test('what is left out is not there', async () => {
    expect(await named('*.txt', { ignore: 'a.*' })).toEqual(['b.txt']);
    await expect(named('a.txt', { ignore: 'a.*' })).rejects.toThrow('not found');
    await expect(named('abs', { ignore: 'a.txt' })).rejects.toThrow('not found');
    expect(await named('.', { ignore: '*\n!d/s/y' })).toEqual(['/ d d/s d/s/y']);
  });

  test('a folder that is left out whole is not looked into', async () => {
    const { tree, listed } = treeOf(FILES, 'd\n');
    await select(tree, '.', { parents: false, exclude: [] });
    expect(listed).toEqual(['']);
  });
});

test('each folder is looked into once, and only those that are asked for', async () => {
  const { tree, listed } = treeOf(FILES);
  await Promise.all([findSources(tree, 'd/s'), findSources(tree, 'd/x.md'), follow(tree, 'l/y')]);
  expect(listed.sort()).toEqual(['', 'd', 'd/s']);
});

test('the order in which a file system tells its files says nothing', async () => {
  const digest = async (lines: readonly string[]) => {
    const [found] = await select(treeOf(lines).tree, '.', { parents: false, exclude: [] });
    return digestOf(found!, ({ entry }) => entry.name, { owned: false });
  };
  expect(await digest(['a', 'b', 'c/', 'c/d', 'c/e'])).toBe(await digest(['c/', 'c/e', 'b', 'c/d', 'a']));
  expect(await digest(['a', 'b'])).not.toBe(await digest(['a', 'c']));
});

test('a file that was changed within a tick of the clock is not known by its times', () => {
  const identity = (seconds: number, nanoseconds: number) => {
    const bytes = Buffer.alloc(48);
    bytes.writeBigInt64LE(BigInt(seconds), 32);
    bytes.writeUInt32LE(nanoseconds, 44);
    return bytes.toString('latin1');
  };
  const now = 1_000_000_000_000_000_000n;
  expect(isSettled(identity(999_999_999, 950_000_000), now)).toBe(false);
  expect(isSettled(identity(999_999_999, 500_000_000), now)).toBe(true);
  expect(isSettled(identity(999_999_999, 0), now), 'whole seconds alone').toBe(false);
  expect(isSettled(identity(999_999_997, 0), now)).toBe(true);
  expect(isSettled(identity(1_000_000_005, 1), now), 'from the future').toBe(false);
});
