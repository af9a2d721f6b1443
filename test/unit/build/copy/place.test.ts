/** Where what is copied goes, which modes it gets, and what addresses mean: all pure. */
import { describe, expect, test } from 'vitest';
import { isGitAddress, parseGitAddress } from '../../../../engine/build/context/git-address.ts';
import { nameOf } from '../../../../engine/build/context/http.ts';
import { parseChmod } from '../../../../engine/build/copy/chmod.ts';
import { placeAll } from '../../../../engine/build/copy/place.ts';
import { resolveTarget } from '../../../../engine/build/copy/target.ts';
import type { Look } from '../../../../engine/files/look.ts';
import { pickCommit } from '../../../../src/model/git-commit.ts';

describe('--chmod', () => {
  test.each([
    ['644', 0o600, 0o644],
    ['0', 0o777, 0],
    ['4755', 0o600, 0o4755],
    ['u+x', 0o644, 0o744],
    ['+x', 0o644, 0o755],
    ['u+x,go-w', 0o666, 0o744],
    ['a=r', 0o4755, 0o444],
    ['go=', 0o755, 0o700],
    ['u=rwx,go=rX', 0o600, 0o755],
    ['go=rX', 0o600, 0o644],
    ['g=u', 0o640, 0o660],
    ['u+s,g+s', 0o755, 0o6755],
    ['+t', 0o755, 0o1755],
    ['o-rwx', 0o777, 0o770],
    ['u-x+w', 0o555, 0o655],
  ])('%s makes %i to %i', (text, before, after) => expect(parseChmod(text)(before, false)).toBe(after));

  test('X means folders, too, and = leaves their set-id bits', () => {
    expect(parseChmod('a=rX')(0o700, true)).toBe(0o555);
    expect(parseChmod('g=rx')(0o2770, true)).toBe(0o2750);
  });

  test.each(['', '8', '10000', 'x', 'u', 'u+z', 'rwx', '-1', '0x1ff', 'u+x,', 'u+uw'])('%j is refused', (text) =>
    expect(() => parseChmod(text)).toThrow('invalid chmod'),
  );
});

describe('the place of', () => {
  const file = { isFolder: false, name: 'f' };
  const folder = { isFolder: true, name: '' };
  const bases = (...args: Parameters<typeof placeAll>) => placeAll(...args).map(({ base }) => base);

  test('a file is its target, or the name in a folder', () => {
    expect(placeAll([file], '/a/x', { kind: 'missing', path: '/a/x' })).toEqual([{ base: 'a/x', folders: ['/a'] }]);
    expect(placeAll([file], '/a/x/', { kind: 'missing', path: '/a/x' })).toEqual([
      { base: 'a/x/f', folders: ['/a', '/a/x'] },
    ]);
    expect(bases([file], '/a', { kind: 'folder', path: '/a' })).toEqual(['a/f']);
    expect(bases([file], '/', { kind: 'folder', path: '/' })).toEqual(['f']);
    expect(bases([file], '/a/.', { kind: 'missing', path: '/a' })).toEqual(['a/f']);
    expect(() => placeAll([file], '/a/', { kind: 'other', path: '/a' })).toThrow('not a directory');
  });

  test('contents of a folder is the target itself', () => {
    expect(bases([folder], '/a', { kind: 'missing', path: '/a' })).toEqual(['a']);
    expect(() => placeAll([folder], '/a', { kind: 'other', path: '/a' })).toThrow('non-directory');
  });

  test('what comes later knows what came before', () => {
    expect(bases([folder, file], '/a', { kind: 'missing', path: '/a' })).toEqual(['a', 'a/f']);
    expect(bases([file, file], '/a', { kind: 'missing', path: '/a' })).toEqual(['a', 'a']);
    expect(() => placeAll([file, folder], '/a', { kind: 'missing', path: '/a' })).toThrow('non-directory');
  });
});

describe('a target', () => {
  const files: Readonly<Record<string, Look>> = {
    '/real': { kind: 'folder', parent: '/', link: '' },
    '/link': { kind: 'link', parent: '/', link: 'real' },
    '/real/up': { kind: 'link', parent: '/real', link: '../../../real' },
    '/lost': { kind: 'link', parent: '/', link: '/gone/away' },
    '/loop': { kind: 'link', parent: '/', link: 'loop' },
    '/file': { kind: 'file', parent: '/', link: '' },
  };
  const look = async (path: string): Promise<Look> => {
    const parent = path.slice(0, path.lastIndexOf('/')) || '/';
    const there = parent === '/' || files[parent]?.kind === 'folder';
    return files[path] ?? { kind: 'missing', parent: there ? parent : '', link: '' };
  };
  test.each([
    ['/', { kind: 'folder', path: '/' }],
    ['/real', { kind: 'folder', path: '/real' }],
    ['/real/new', { kind: 'missing', path: '/real/new' }],
    ['/a/b/c', { kind: 'missing', path: '/a/b/c' }],
    ['/link', { kind: 'folder', path: '/real' }],
    ['/link/a/b', { kind: 'missing', path: '/real/a/b' }],
    ['/real/up/x', { kind: 'missing', path: '/real/x' }],
    ['/lost', { kind: 'missing', path: '/gone/away' }],
    ['/lost/x', { kind: 'missing', path: '/gone/away/x' }],
    ['/file', { kind: 'other', path: '/file' }],
  ])('%s', async (path, found) => expect(await resolveTarget(look, path)).toEqual(found));

  test('through a file, or in a circle, is none', async () => {
    await expect(resolveTarget(look, '/file/x')).rejects.toThrow('/file is not a directory');
    await expect(resolveTarget(look, '/loop/x')).rejects.toThrow('too many levels');
  });
});

describe('an address', () => {
  test.each([
    'https://host/repo.git',
    'https://host/repo.git#main:sub',
    'https://host/repo.git?ref=x',
    'git://host/repo',
    'ssh://git@host/repo',
    'git@github.com:a/b',
  ])('%s is a repository', (text) => expect(isGitAddress(text)).toBe(true));

  test.each([
    'https://host/file.tar.gz',
    'https://host/repo.github',
    'repo.git',
    'a/b.git',
    'https://host/x?y=a.git',
    'user@host',
  ])('%s is none', (text) => expect(isGitAddress(text)).toBe(false));

  test('github.com is one for contexts alone', () => {
    expect(isGitAddress('github.com/a/b')).toBe(false);
    expect(parseGitAddress('github.com/a/b#v1')).toMatchObject({ remote: 'https://github.com/a/b', ref: 'v1' });
  });

  test('says branch, folder and commit, in either form', () => {
    expect(parseGitAddress('https://u:secret@host/r.git#main:a//./b')).toMatchObject({
      remote: 'https://u:secret@host/r.git',
      shown: 'https://host/r.git',
      ref: 'main',
      subfolder: 'a/b',
    });
    expect(parseGitAddress('https://host/r.git?branch=b&subdir=s&keep-git-dir=1')).toMatchObject({
      ref: 'refs/heads/b',
      subfolder: 's',
      keepsGitFolder: true,
    });
    expect(parseGitAddress('git@host:r#:sub')).toMatchObject({ protocol: 'ssh', subfolder: 'sub', submodules: true });
  });

  test.each([
    ['https://host/r.git#--upload-pack=x', 'is no name of a branch'],
    ['https://host/r.git#a:../..', 'leads out'],
    ['https://host/r.git?x=1', 'unknown key x'],
    ['https://host/r.git?ref=a#b', 'more than one'],
    ['https://host/r.git#a\nb', 'control characters'],
    ['https://host/r.git?checksum=xyz', 'is no commit'],
  ])('%j is refused: %s', (text, why) => expect(parseGitAddress(text)).toEqual(expect.stringContaining(why)));

  test('a branch is not found by the end of another name', () => {
    const [a, b] = ['a'.repeat(40), 'b'.repeat(40)];
    expect(pickCommit(`${a}\trefs/heads/other/main\n${b}\trefs/heads/main\n`, 'main')).toEqual({
      commit: b,
      fullName: 'refs/heads/main',
    });
    expect(pickCommit(`${a}\trefs/tags/v1\n${b}\trefs/tags/v1^{}\n`, 'v1')).toMatchObject({ commit: b });
  });

  test('of http names the file by its path, then by its server', () => {
    expect(nameOf(new URL('https://h/a/b%20c.tar?x'), undefined)).toBe('b c.tar');
    expect(nameOf(new URL('https://h/'), 'attachment; filename="x.bin"')).toBe('x.bin');
    expect(nameOf(new URL('https://h/'), 'attachment; filename="../../etc/passwd"')).toBe('passwd');
    expect(nameOf(new URL('https://h/%2e%2e%2f'), undefined)).toBe('__unnamed__');
    expect(nameOf(new URL('https://h/'), undefined)).toBe('__unnamed__');
  });
});
