import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchesGlob, parseGlob } from '../../../engine/build/glob.ts';
import {
  canSkip,
  type IgnoreRules,
  ignoreFileNames,
  judge,
  parseIgnoreFile,
  type Verdict,
} from '../../../engine/build/ignore-file.ts';

/** As a walk that passes nothing over: asks about every folder on the way. */
function isIgnored(rules: IgnoreRules, path: string): boolean {
  const parts = path.split('/');
  let verdict: Verdict | undefined;
  for (let i = 1; i <= parts.length; i++) verdict = judge(rules, parts.slice(0, i).join('/'), verdict);
  return verdict?.ignored ?? false;
}

const ignored = (text: string, path: string) => isIgnored(parseIgnoreFile(text).rules, path);

describe('.dockerignore', () => {
  test.each([
    ['node_modules', 'node_modules/a/b.js', true],
    ['node_modules', 'sub/node_modules', false],
    ['**/node_modules', 'node_modules', true],
    ['**/node_modules', 'a/b/node_modules/c', true],
    ['*/temp*', 'a/temporary.txt', true],
    ['*/temp*', 'a/b/temporary.txt', false],
    ['temp?', 'tempa', true],
    ['temp?', 'temp', false],
    ['*', '.git/config', true],
    ['*\n!src', 'src/main.c', false],
    ['*\n!src\nsrc/*.o', 'src/main.o', true],
    ['!src\n*', 'src/main.c', true],
    ['*.md\n!README*.md\nREADME-secret.md', 'README-secret.md', true],
    ['*.md\n!README.md', 'README.md', false],
    ['/foo/bar', 'foo/bar', true],
    ['foo/', 'foo/x', true],
    ['./foo/../bar', 'bar', true],
    ['  foo  ', 'foo', true],
    ['# foo\nbar', 'bar', true],
    ['#foo', '#foo', false],
    [' #foo', '#foo', true],
    ['\u{FEFF}foo', 'foo', true],
    ['foo\r\nbar\r\n', 'bar', true],
    ['! foo\n', 'foo', false],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/x/y/b', true],
    ['a/**', 'a', false],
    ['a/**', 'a/x/y', true],
    ['**', 'anything/at/all', true],
    ['**/*.go', 'x.go', true],
    ['**.go', 'a/x.go', true],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['a.b', 'axb', false],
    ['a+(b)', 'a+(b)', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a/b\n!a', 'a/b', true],
    ['.', 'x', false],
    ['/', 'x', false],
    ['foo\n!foo/bar', 'foo/bar/x', false],
    ['foo/bar\n!foo/bar/x', 'foo/bar/y', true],
    ['Foo', 'foo', false],
  ])('%j on %s: %s', (text, path, expected) => {
    expect(ignored(text, path)).toBe(expected);
  });

  test('mistakes are told with their line', () => {
    const { mistakes } = parseIgnoreFile('# ok\n!\na[b\nx\\\n[]\n');
    expect(mistakes.map(({ line }) => line)).toEqual([2, 3, 4, 5]);
  });

  test('the file of a Dockerfile comes before that of the context', () => {
    expect(ignoreFileNames('docker/web.Dockerfile')).toEqual(['docker/web.Dockerfile.dockerignore', '.dockerignore']);
  });

  const segment = fc.constantFrom('a', 'b', 'ab', '*', '**', 'a*', '*b', '?', '[ab]', '[^a]');
  const pattern = fc
    .tuple(fc.constantFrom('', '', '!'), fc.array(segment, { minLength: 1, maxLength: 3 }))
    .map(([sign, segments]) => sign + segments.join('/'));
  const path = fc
    .array(fc.constantFrom('a', 'b', 'ab', 'c'), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join('/'));

  test('a pattern agrees with the regular expression that moby makes of it', () => {
    // The reference: `**/` and `**` become `(.*/)?`, `**` at the end `.*`, `*` a run without slashes.
    const regex = (text: string) =>
      new RegExp(
        `^${text.replace(/\*\*\/?$|\*\*\/?|\*|\?/g, (part, at: number) =>
          part.startsWith('**')
            ? at + part.length === text.length
              ? '.*'
              : '(.*/)?'
            : part === '*'
              ? '[^/]*'
              : '[^/]',
        )}$`,
      );
    fc.assert(
      fc.property(pattern, path, (text, name) => {
        const bare = text.replace(/^!/, '');
        expect(matchesGlob(parseGlob(bare)!, name)).toBe(regex(bare).test(name));
      }),
      { numRuns: 3000 },
    );
  });

  test('passing over a folder never changes what is kept', () => {
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 4 }), path, (patterns, name) => {
        const { rules } = parseIgnoreFile(patterns.join('\n'));
        const parts = name.split('/');
        let verdict = judge(rules, parts[0]!);
        for (let i = 1; i < parts.length; i++) {
          const folder = parts.slice(0, i).join('/');
          if (canSkip(rules, folder, verdict)) expect(isIgnored(rules, name)).toBe(true);
          verdict = judge(rules, parts.slice(0, i + 1).join('/'), verdict);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('a folder is passed over where nothing in it can come back, and only there', () => {
    const skip = (text: string, folder: string) => {
      const { rules } = parseIgnoreFile(text);
      return canSkip(rules, folder, judge(rules, folder));
    };
    expect(skip('*\n!src', 'node_modules')).toBe(true);
    expect(skip('*\n!src/a', 'src')).toBe(false);
    expect(skip('*\n!**/*.go', 'node_modules')).toBe(false);
    expect(skip('src', 'other')).toBe(false);
  });

  test('a hostile pattern ends', () => {
    expect(ignored(`${'*a'.repeat(50)}b`, 'a'.repeat(2000))).toBe(false);
  });
});
