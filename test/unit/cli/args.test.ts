/** The command line is read exactly: what is given is taken, what is wrong is named. */
import { describe, expect, test } from 'vitest';
import { parseArgs } from '../../../src/cli/args.ts';
import { count, type Flags, list, refused, text, toggle } from '../../../src/cli/flags.ts';

const logs = { follow: toggle('f', ''), tail: text('n', 'LINES', ''), timestamps: toggle('t', '') };
const shared = { file: list('f', 'FILE', ''), 'project-name': text('p', 'NAME', ''), 'dry-run': toggle('', '') };
const parse = (words: string, tables: readonly Flags[] = [logs, shared]) =>
  parseArgs(words === '' ? [] : words.split(' '), tables, { command: 'logs' });
const failure = (words: string, tables?: readonly Flags[]) => {
  try {
    parse(words, tables);
  } catch (error) {
    return error as { message: string; help?: string; exitCode: number };
  }
  throw new Error(`"${words}" was accepted`);
};

describe('what is given', () => {
  test('flags and words may come in any order', () => {
    expect(parse('web -f db --tail 3')).toMatchObject({
      values: { follow: true, tail: '3' },
      positionals: ['web', 'db'],
    });
  });
  test('a value may be joined by = or, after a letter, by nothing', () => {
    for (const words of ['--tail=3', '--tail 3', '-n 3', '-n3', '-n=3']) expect(parse(words).values['tail']).toBe('3');
  });
  test('a text that may be left out is empty at the end and before another flag', () => {
    const tables = [{ ...logs, explain: text('', 'KEY', '', { mayBeAlone: true }) }];
    expect(parse('--explain', tables).values['explain']).toBe('');
    expect(parse('--explain --follow', tables).values).toMatchObject({ explain: '', follow: true });
    expect(parse('--explain ports web', tables)).toMatchObject({ values: { explain: 'ports' }, positionals: ['web'] });
    expect(parse('', tables).values['explain']).toBeUndefined();
  });
  test('letters of switches stand together, the last may take a value', () => {
    expect(parse('-ftn5').values).toMatchObject({ follow: true, timestamps: true, tail: '5' });
  });
  test("a letter means what the command says, not what tcompose's own flag of that letter says", () => {
    expect(parse('-f compose.yaml')).toMatchObject({
      values: { follow: true, file: [] },
      positionals: ['compose.yaml'],
    });
    expect(parse('--file compose.yaml').values['file']).toEqual(['compose.yaml']);
  });
  test('a value may look like a flag, and - is a word', () => {
    expect(parse('--tail -5 -')).toMatchObject({ values: { tail: '-5' }, positionals: ['-'] });
  });
  test('after -- all are words', () => {
    expect(parse('web -- -f --tail').positionals).toEqual(['web', '-f', '--tail']);
  });
  test('a switch takes true and false', () => {
    expect(parse('--follow=false').values['follow']).toBe(false);
    expect(parse('-f=true').values['follow']).toBe(true);
    expect(parse('', [{ orphans: toggle('', '', { byDefault: true }) }]).values['orphans']).toBe(true);
  });
  test("flags end where the user's own command begins", () => {
    const parsed = parseArgs(['-T', 'web', 'ls', '-la', '--help'], [{ 'no-tty': toggle('T', '') }], { stopAfter: 1 });
    expect(parsed).toEqual({
      values: { 'no-tty': true },
      positionals: ['web', 'ls', '-la', '--help'],
      wantsHelp: false,
    });
  });
});

describe('what is wrong', () => {
  test('an unknown flag is answered with the nearest known one', () => {
    expect(failure('--folow')).toMatchObject({
      message: 'logs has no flag --folow',
      help: 'did you mean --follow?',
      exitCode: 2,
    });
    expect(failure('--dry-ru').help).toBe('did you mean --dry-run?');
    expect(failure('-x').help).toBe('see: tcompose help logs');
  });
  test('a long flag with one dash is recognised', () => {
    expect(failure('-tail').help).toBe('did you mean --tail?');
  });
  test('a flag that is not done yet is refused by name, not taken for unknown', () => {
    const tables = [{ build: refused('', '', ''), watch: refused('w', '', '') }];
    expect(failure('--build', tables).message).toBe('logs --build is known but not done yet in tcompose');
    expect(failure('-w', tables).message).toContain('-w (--watch)');
  });
  test('a missing value, a wrong number and a wrong choice are told', () => {
    const tables = [{ timeout: count('t', 'SECONDS', ''), ansi: text('', 'WHEN', '', { choices: ['auto', 'never'] }) }];
    expect(failure('-t', tables).message).toBe('-t (--timeout) needs a value: -t SECONDS');
    expect(failure('-t 1.5', tables).message).toContain('needs a whole number, not "1.5"');
    expect(failure('--timeout=-1', tables).message).toContain('at least 0');
    expect(failure('--ansi maybe', tables).help).toBe('use one of: auto, never');
    expect(failure('--follow=maybe').message).toContain('cannot be "maybe"');
  });
});
