/** Addresses of git repositories mean what they mean to BuildKit, and none is an option in disguise. */
import { describe, expect, test } from 'vitest';
import { isAddress, withoutPassword } from '../../../src/model/remote.ts';
import { type GitAddress, parseGitAddress } from '../../../src/remote/git-address.ts';

const COMMIT = 'a1'.repeat(20);
const parsed = (text: string) => {
  const { ok: _, shown: __, ...rest } = parseGitAddress(text) as GitAddress;
  return rest;
};

describe('what is an address', () => {
  test.each([
    'https://x/y.git',
    'git@host:x',
    'deploy@host:x/y',
    'ssh://host/x',
    'oci://x/y',
    'github.com/x/y',
    'ftp://x',
  ])('%s', (text) => expect(isAddress(text)).toBe(true));
  test.each(['compose.yaml', './git@host:x', '/a/b', '../x', 'C:\\x', 'a/b@c:d', '-', 'user@host/x', '-x@host:y'])(
    '%s is a path',
    (text) => expect(isAddress(text)).toBe(false),
  );
});

describe('git', () => {
  test.each([
    ['https://example.org/a.git', { repository: 'https://example.org/a.git', protocol: 'https', path: '' }],
    [
      'https://example.org/a.git#main',
      { repository: 'https://example.org/a.git', protocol: 'https', path: '', ref: 'main' },
    ],
    [
      'https://example.org/a.git#v1:sub/x.yaml',
      { repository: 'https://example.org/a.git', protocol: 'https', path: 'sub/x.yaml', ref: 'v1' },
    ],
    ['https://example.org/a.git#:sub', { repository: 'https://example.org/a.git', protocol: 'https', path: 'sub' }],
    [
      'https://example.org/a.git#x/y:a/./b//c/',
      { repository: 'https://example.org/a.git', protocol: 'https', path: 'a/b/c', ref: 'x/y' },
    ],
    [
      'github.com/org/repo#main',
      { repository: 'https://github.com/org/repo', protocol: 'https', path: '', ref: 'main' },
    ],
    ['git@host:org/repo.git#x:.', { repository: 'git@host:org/repo.git', protocol: 'ssh', path: '', ref: 'x' }],
    ['ssh://git@host:22/a.git', { repository: 'ssh://git@host:22/a.git', protocol: 'ssh', path: '' }],
    ['file:///a/b#c', { repository: 'file:///a/b', protocol: 'file', path: '', ref: 'c' }],
    ['https://h/a.git?ref=main&subdir=x', { repository: 'https://h/a.git', protocol: 'https', path: 'x', ref: 'main' }],
    ['https://h/a.git?tag=v1', { repository: 'https://h/a.git', protocol: 'https', path: '', ref: 'refs/tags/v1' }],
    [
      'https://h/a.git?branch=b&submodules=false',
      { repository: 'https://h/a.git', protocol: 'https', path: '', ref: 'refs/heads/b' },
    ],
    [
      `https://h/a.git?commit=${COMMIT}`,
      { repository: 'https://h/a.git', protocol: 'https', path: '', ref: COMMIT, commit: COMMIT },
    ],
    [
      'https://h/a.git?checksum=abcdef1#main',
      { repository: 'https://h/a.git', protocol: 'https', path: '', ref: 'main', commit: 'abcdef1' },
    ],
  ])('%s', (text, expected) => expect(parsed(text)).toEqual(expected));

  test.each([
    ['https://h/a.git#--upload-pack=x', 'is no branch, tag or commit'],
    ['https://h/a.git#a..b', 'is no branch, tag or commit'],
    ['https://h/a.git#a@{1}', 'is no branch, tag or commit'],
    ['https://h/a.git#refs/heads/*', 'is no branch, tag or commit'],
    ['https://h/a.git#main:../x', 'leads out of the repository'],
    ['https://h/a.git#main:a/../../x', 'leads out of the repository'],
    ['https://h/a.git#main:/etc', 'leads out of the repository'],
    ['https://h/a.git#main:..\\x', 'leads out of the repository'],
    ['https://h/a.yaml', 'single files of web servers are not fetched'],
    ['ssh://-oProxyCommand=x/a.git', 'begins with a hyphen'],
    ['git@host:-x', 'begins with a hyphen'],
    ['ssh://host/-x', 'begins with a hyphen'],
    ['ext::sh -c x', 'a blank'],
    ['ftp://h/a.git', 'ftp:// is no way'],
    ['file://host/a', 'names no folder'],
    ['https://h/a.git#a\nb', 'a control character'],
    ['https://h/a.git?submodules=1', 'submodules is not done'],
    ['https://h/a.git?depth=1', '"depth" is not known'],
    ['https://h/a.git?ref=', '"ref" has no value'],
    ['https://h/a.git?ref=a#b', 'says two things about ref'],
    ['https://h/a.git?commit=zz#b', 'is no commit'],
    ['https://h/a.git?__proto__=x', 'is not known'],
  ])('%j is refused', (text, why) =>
    expect(parseGitAddress(text)).toMatchObject({ ok: false, why: expect.stringContaining(why) }),
  );

  test.each([
    ['https://token@h/a.git', 'https://h/a.git'],
    ['https://u:p@h/a.git', 'https://h/a.git'],
    ['ssh://git:p@h/a.git', 'ssh://git@h/a.git'],
    ['git@h:a.git', 'git@h:a.git'],
  ])('%s is shown as %s', (text, shown) => {
    expect(withoutPassword(text)).toBe(shown);
    expect(parseGitAddress(text)).toMatchObject({ shown });
  });
});
