/** How the rest of an instruction is cut: flags, words, NAME=VALUE, JSON lists, durations. */
import { InstructionMistake, type Pair } from './instruction.ts';
import { nearest } from './nearest.ts';

const isBlank = (char: string): boolean => /\s/.test(char);

interface FlagWord {
  readonly text: string;
  readonly offset: number;
}

/** Words that begin with `--` before all others; quotes and backslashes are taken away. `--` alone ends them. */
export function splitFlags(
  text: string,
  from: number,
): { readonly flags: readonly FlagWord[]; readonly restAt: number } {
  const flags: FlagWord[] = [];
  let at = from;
  for (;;) {
    while (at < text.length && isBlank(text[at]!)) at++;
    if (!text.startsWith('--', at)) return { flags, restAt: at };
    const offset = at;
    let word = '';
    let quote = '';
    for (; at < text.length && (quote !== '' || !isBlank(text[at]!)); at++) {
      const char = text[at]!;
      if (char === '\\' && at + 1 < text.length) word += text[++at];
      else if (quote === '' && (char === '"' || char === "'")) quote = char;
      else if (char === quote) quote = '';
      else if (char !== '\\') word += char;
    }
    if (word === '--') {
      while (at < text.length && isBlank(text[at]!)) at++;
      return { flags, restAt: at };
    }
    flags.push({ text: word, offset });
  }
}

/** `once`: a value; `many`: values; `switch`: bare, true or false. */
export type FlagTable = Readonly<Record<string, 'once' | 'many' | 'switch'>>;

export interface ReadFlags {
  readonly once: Readonly<Record<string, string>>;
  readonly many: Readonly<Record<string, readonly string[]>>;
}

export function readFlags(keyword: string, words: readonly FlagWord[], table: FlagTable): ReadFlags {
  const once: Record<string, string> = {};
  const many: Record<string, string[]> = {};
  for (const { text, offset } of words) {
    const equals = text.indexOf('=');
    const name = text.slice(2, equals < 0 ? undefined : equals);
    const value = equals < 0 ? undefined : text.slice(equals + 1);
    const kind = Object.hasOwn(table, name) ? table[name] : undefined;
    if (kind === undefined) {
      const known = Object.keys(table);
      const meant = nearest(name, known);
      const help =
        meant !== undefined
          ? `did you mean --${meant}?`
          : known.length === 0
            ? `${keyword} takes no flags`
            : `${keyword} takes --${known.join(', --')}`;
      throw new InstructionMistake(`unknown flag of ${keyword}: --${name}`, help, offset);
    }
    if (kind === 'switch' && value !== undefined && !/^(true|false)$/i.test(value))
      throw new InstructionMistake(
        `--${name} is true or false, not ${JSON.stringify(value)}`,
        `write --${name} alone`,
        offset,
      );
    if (kind !== 'switch' && value === undefined)
      throw new InstructionMistake(`--${name} needs a value`, `write --${name}=VALUE`, offset);
    if (kind === 'many') many[name] = [...(many[name] ?? []), value!];
    else if (name in once) throw new InstructionMistake(`--${name} is written twice`, 'keep one of them', offset);
    else once[name] = kind === 'switch' ? (value ?? 'true').toLowerCase() : value!;
  }
  return { once, many };
}

/** Words with their quotes and escapes left in, for the expansion to take away later. */
export function splitQuoted(text: string, character: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (quote === '' && isBlank(char)) {
      if (word !== '') words.push(word);
      word = '';
    } else if (char === character && quote !== "'") {
      // An escape at the very end escapes nothing.
      if (at + 1 < text.length) word += char + text[++at];
    } else {
      if (quote === '' && (char === '"' || char === "'")) quote = char;
      else if (char === quote) quote = '';
      word += char;
    }
  }
  return word === '' ? words : [...words, word];
}

export const splitBlanks = (text: string): string[] => (text.trim() === '' ? [] : text.trim().split(/[\t\v\f\r ]+/));

/** `A=1 B="2 3"`, or of old `A the rest of the line`. */
export function readPairs(keyword: string, text: string, character: string): { pairs: readonly Pair[]; old: boolean } {
  const words = splitQuoted(text, character);
  if (words.length === 0)
    throw new InstructionMistake(`${keyword} needs at least one name and value`, `write ${keyword} NAME=VALUE`);
  if (!words[0]!.includes('=')) {
    const [, name, value] = /^(\S+)\s+([\s\S]+)$/.exec(text) ?? [];
    if (name === undefined || value === undefined)
      throw new InstructionMistake(`${keyword} ${words[0]} has no value`, `write ${keyword} ${words[0]}=VALUE`);
    return { pairs: [[name, value]], old: true };
  }
  const pairs = words.map((word): Pair => {
    const equals = word.indexOf('=');
    if (equals < 0)
      throw new InstructionMistake(
        `${JSON.stringify(word)} has no =`,
        'put a value with blanks into quotes',
        text.indexOf(word),
      );
    if (equals === 0)
      throw new InstructionMistake(
        `${keyword} needs a name before the =`,
        `write ${keyword} NAME=VALUE`,
        text.indexOf(word),
      );
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
  return { pairs, old: false };
}

/** Undefined when it is no JSON list at all: then it is words or a line for a shell. */
export function readJsonList(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(list)) return undefined;
  if (!list.every((entry) => typeof entry === 'string'))
    throw new InstructionMistake('a JSON list here may hold texts only', 'put numbers into quotes');
  return list;
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** A Go duration (`1h2m3.5s`) in nanoseconds; undefined when it is none. */
export function goDuration(text: string): number | undefined {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$/.exec(text);
  if (match === null) return /^[+-]?0$/.test(text) ? 0 : undefined;
  const parts = [...match[2]!.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g)];
  const sum = parts.reduce((total, [, number, unit]) => total + Number(number) * UNITS[unit!]!, 0);
  return Math.trunc(match[1] === '-' ? -sum : sum);
}
