// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles, not of templates
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExpansionFailure, expandWord } from '../../../engine/build/expand.ts';

const VALUES = new Map(
  Object.entries({ a: 'one', empty: '', path: 'usr/lib/x.tar.gz', two: 'x y', bar: 'foo.bar.baz', s: 'a*b?c' }),
);
const expand = (text: string, character = '\\') => expandWord(text, VALUES, { escape: character }).text;
const words = (text: string) => expandWord(text, VALUES, { escape: '\\' }).words;

describe('words of a Dockerfile', () => {
  test.each([
    ['$a-${a}', 'one-one'],
    ['$nothing.', '.'],
    ['$', '$'],
    ['a$', 'a$'],
    ['$a$a', 'oneone'],
    ['\\$a', '$a'],
    ["'$a'", '$a'],
    ['"$a"', 'one'],
    ['"\\$a \\" \\\\ \\n"', '$a " \\ \\n'],
    ['\\\\x', '\\x'],
    ['a\\ b', 'a b'],
    ["it\\'s", "it's"],
    ['${a:-x}', 'one'],
    ['${empty:-x}', 'x'],
    ['${empty-x}', ''],
    ['${none-x}', 'x'],
    ['${none:-$a}', 'one'],
    ["${none:-'a b'}", 'a b'],
    ['${none:-${empty:-deep}}', 'deep'],
    ['${a:+x}', 'x'],
    ['${a+x}', 'x'],
    ['${empty:+x}', ''],
    ['${empty+x}', 'x'],
    ['${none+x}', ''],
    ['${a:?no}', 'one'],
    ['${empty?no}', ''],
    ['${bar#*.}', 'bar.baz'],
    ['${bar##*.}', 'baz'],
    ['${bar%.*}', 'foo.bar'],
    ['${bar%%.*}', 'foo'],
    ['${bar#f?o}', '.bar.baz'],
    ['${bar#nope}', 'foo.bar.baz'],
    ['${bar%}', 'foo.bar.baz'],
    ['${s#a\\*}', 'b?c'],
    ['${bar/ba/X}', 'foo.Xr.baz'],
    ['${bar//ba/X}', 'foo.Xr.Xz'],
    ['${bar//ba?/}', 'foo..'],
    ['${bar/*/X}', 'X'],
    ['${path//\\//-}', 'usr-lib-x.tar.gz'],
    ['${bar/./\\}}', 'foo\\}bar.baz'],
    ['$1$@x', 'x'],
    ['${a}b', 'oneb'],
  ])('%s is %s', (text, expected) => {
    expect(expand(text)).toBe(expected);
  });

  test.each([
    ['${a', "missing '}'"],
    ['${', "missing '}'"],
    ['${}', 'bad substitution'],
    ['${:x}', 'bad substitution'],
    ['${a!x}', 'unsupported modifier (!)'],
    ['${a:x}', 'unsupported modifier (:x)'],
    ['${none:?}', 'none: is not allowed to be unset'],
    ['${empty:?}', 'empty: is not allowed to be empty'],
    ['${none?give me one}', 'none: give me one'],
    ["'a", 'single quote has no end'],
    ['"a', 'double quote has no end'],
    ['${a/x}', "missing '/'"],
    ['${a#\\y}', "invalid escape '\\y'"],
  ])('%s fails: %s', (text, message) => {
    expect(() => expand(text)).toThrow(ExpansionFailure);
    expect(() => expand(text)).toThrow(message);
  });

  test('a backtick escapes where the file says so, and a backslash is then a character', () => {
    expect(expand('`$a C:\\dir', '`')).toBe('$a C:\\dir');
  });

  test('blanks split words unless they are quoted or escaped; blanks in values split', () => {
    expect(words('a "b c" d\\ e $two "$two"')).toEqual(['a', 'b c', 'd e', 'x', 'y', 'x y']);
  });

  test('what was used and what was missing is told', () => {
    const { used, missing } = expandWord('$a ${none:-x} $other', VALUES, { escape: '\\' });
    expect([[...used], [...missing]]).toEqual([['a'], ['none', 'other']]);
  });

  test('unset variables stay as written where that is asked for', () => {
    const options = { escape: '\\', keepUnset: true };
    expect(expandWord('$a $x ${x:-d} ${x}', VALUES, options).text).toBe('one $x ${x:-d} ${x}');
  });

  test('no text makes it do anything but answer or fail with a clause', () => {
    const piece = fc.constantFrom('$', '{', '}', 'a', ':', '-', '#', '%', '/', '\\', '"', "'", '*', '?', ' ', 'bar');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        try {
          expand(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(ExpansionFailure);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('patterns agree with regular expressions', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 }).map((list) => list.join(''));
    const glob = fc.array(fc.constantFrom('a', 'b', '*', '?'), { minLength: 1, maxLength: 5 }).map((l) => l.join(''));
    fc.assert(
      fc.property(text, glob, (value, pattern) => {
        const simple = pattern.replaceAll('?', '.').replaceAll('*', '.*');
        const of = (form: string) => expandWord(form, new Map([['v', value]]), { escape: '\\' }).text;
        expect(of(`\${v##${pattern}}`)).toBe(value.replace(new RegExp(`^${simple}`), ''));
        const lazy = pattern.replaceAll('?', '.').replaceAll('*', '.*?');
        expect(of(`\${v#${pattern}}`)).toBe(value.replace(new RegExp(`^${lazy}`), ''));
        expect(of(`\${v/${pattern}/X}`)).toBe(value.replace(new RegExp(simple), 'X'));
      }),
      { numRuns: 2000 },
    );
  });

  test('a hostile pattern ends', () => {
    const values = new Map([['v', 'a'.repeat(20_000)]]);
    const run = (form: string) => expandWord(form, values, { escape: '\\' }).text.length;
    expect(run(`\${v##${'a*'.repeat(20)}b}`)).toBe(20_000);
    expect(run(`\${v//${'*a'.repeat(20)}b/x}`)).toBe(20_000);
  });

  test('nesting and growth are bounded', () => {
    expect(() => expand('${a:+'.repeat(5000))).toThrow('nested too deep');
    const big = new Map([['v', 'x'.repeat(300_000)]]);
    expect(() => expandWord('$v$v$v$v', big, { escape: '\\' })).toThrow('longer than');
  });
});
