/** Colours and progress: what the terminal is, what the user wants, and which of both wins. */
import { describe, expect, test } from 'vitest';
import { examineTerminal } from '../../../src/cli/ui/terminal.ts';

const none = { ansi: undefined, progress: undefined, 'no-ansi': false, 'no-color': false };
const on = () => true;
const off = () => false;
const styleOf = (wishes: object, env = {}, tty = on) => examineTerminal({ ...none, ...wishes }, env, tty).progress;
const colorsOf = (wishes: object, env = {}, tty = on) =>
  examineTerminal({ ...none, ...wishes }, env, tty).colorsOnStdout;

describe('progress', () => {
  test('rows on a terminal, lines elsewhere, in CI and on dumb terminals', () => {
    expect(styleOf({})).toBe('tty');
    expect(styleOf({}, {}, off)).toBe('plain');
    expect(styleOf({}, { CI: 'true' })).toBe('plain');
    expect(styleOf({}, { TERM: 'dumb' })).toBe('plain');
    expect(styleOf({ ansi: 'never' })).toBe('plain');
  });
  test('the flag beats the variable, the variable beats what is seen', () => {
    expect(styleOf({}, { COMPOSE_PROGRESS: 'json' })).toBe('json');
    expect(styleOf({ progress: 'quiet' }, { COMPOSE_PROGRESS: 'json' })).toBe('quiet');
    expect(styleOf({ progress: 'none' })).toBe('quiet');
  });
  test('rows without control codes are a contradiction, a wrong variable is named', () => {
    expect(() => styleOf({ progress: 'tty', ansi: 'never' })).toThrow(/cannot be drawn/);
    expect(() => styleOf({}, { COMPOSE_PROGRESS: 'pretty' })).toThrow('COMPOSE_PROGRESS cannot be "pretty"');
  });
});

describe('colours', () => {
  test('on a terminal only, unless forced or forbidden', () => {
    expect(colorsOf({})).toBe(true);
    expect(colorsOf({}, {}, off)).toBe(false);
    expect(colorsOf({ ansi: 'always' }, {}, off)).toBe(true);
    expect(colorsOf({}, { FORCE_COLOR: '1' }, off)).toBe(true);
    expect(colorsOf({}, { NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(false);
    expect(colorsOf({ 'no-color': true, ansi: 'always' })).toBe(false);
    expect(colorsOf({}, { NO_COLOR: '' })).toBe(true);
  });
});
