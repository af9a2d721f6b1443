/** The grammar of .env files. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the very syntax under test
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDotenv, parseRawEnv } from '../../../src/load/dotenv.ts';

const shell: Readonly<Record<string, string>> = { HOME: '/home/u' };
const parse = (text: string) => parseDotenv({ file: '.env', text }, (name) => shell[name]);
const pairs = (text: string) => Object.fromEntries(parse(text).entries.map(({ key, value }) => [key, value]));

const cases: readonly (readonly [string, Readonly<Record<string, string | undefined>>])[] = [
  ['A=1\nB = two words \n', { A: '1', B: 'two words' }],
  ['export A=1\n  B=2', { A: '1', B: '2' }],
  ['A: yaml like\n', { A: 'yaml like' }],
  ['A=\nB', { A: '', B: undefined }],
  ['# c\n\n  # c\nA=1 # comment\nB=x#y\n', { A: '1', B: 'x#y' }],
  ["A='$HOME \\n'\nB='it\\'s'\n", { A: '$HOME \\n', B: "it's" }],
  ['A="a\\nb \\"q\\" \\$x"\nB="$HOME/${NONE:-d}"\n', { A: 'a\nb "q" $x', B: '/home/u/d' }],
  ['A="one\ntwo"\nB=3\n', { A: 'one\ntwo', B: '3' }],
  ['A=1\nB=${A}2\nHOME=/other\nC=$HOME\n', { A: '1', B: '12', HOME: '/other', C: '/home/u' }],
  ['A="x" # comment\nB=1', { A: 'x', B: '1' }],
  ['\ufeffA=1\r\nB=2\r\n', { A: '1', B: '2' }],
  ['a.b-c[0]=1\n', { 'a.b-c[0]': '1' }],
  ['A=a\\nb\n', { A: 'a\\nb' }],
  ['größe=L\n', { größe: 'L' }],
  ['A=#fff\nB= #x\nC=a #b\nD=a\t#b\n', { A: '#fff', B: '#x', C: 'a', D: 'a\t#b' }],
];

describe('.env files', () => {
  for (const [text, wanted] of cases) {
    test(`${JSON.stringify(text)}`, () => {
      expect(parse(text).problems).toEqual([]);
      expect(pairs(text)).toEqual(wanted);
    });
  }

  test('a mistake is reported at its line, and the lines after it are still read', () => {
    const { problems, entries } = parse('A=1\nB B=2\nC!=3\nD=4\n');
    expect(problems.map(({ at }) => at.start)).toEqual([4, 10]);
    expect(entries.map(({ key }) => key)).toEqual(['A', 'D']);
  });

  test('what the file itself has said counts more than what was read before it, and less than the shell', () => {
    const earlier = (name: string) => ({ A: 'earlier', B: 'earlier', HOME: 'earlier' })[name];
    const text = 'A=own\nC=$A $B $HOME\n';
    const { entries } = parseDotenv({ file: '.env', text }, (name) => shell[name], earlier);
    expect(entries.at(-1)?.value).toBe('own earlier /home/u');
  });

  test('an open quote is reported where it opens', () => {
    expect(parse('A="x\nB=1\n').problems).toMatchObject([{ at: { start: 2 } }]);
  });

  test('raw files are taken verbatim', () => {
    const { entries } = parseRawEnv({ file: 'x', text: 'A="q" $B # c\n# no\nB\n' });
    expect(entries.map(({ key, value }) => [key, value])).toEqual([
      ['A', '"q" $B # c'],
      ['B', undefined],
    ]);
  });

  test('no text makes the parser throw or hang', () => {
    const soup = fc.array(fc.constantFrom('A', '=', '"', "'", '\n', ' ', '#', '$', '{', '}', '\\', ':', 'export '), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(soup, (parts) => parse(parts.join('')).entries.length >= 0),
      { seed: 5, numRuns: 3000, interruptAfterTimeLimit: 3000 },
    );
  });
});
