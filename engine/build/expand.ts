/** Words of a Dockerfile: quotes, escapes and `$variables`, as BuildKit's shell words have them. No shell is asked. */
import { parseShellPattern, replaceMatches, trimEnd, trimStart } from './shell-pattern.ts';

export interface ExpandOptions {
  /** The file's escape character: a backslash, or a backtick by `# escape=`. */
  readonly escape: string;
  /** Quotes and escapes stay in the text: for who only looks for words. */
  readonly raw?: boolean;
  /** Quotes are characters like others: the text of here-documents. */
  readonly quotesAreText?: boolean;
  /** A variable that is not set stays as it is written. */
  readonly keepUnset?: boolean;
}

export interface Expanded {
  readonly text: string;
  /** The text split at blanks that were neither quoted nor escaped; blanks in values split, too. */
  readonly words: readonly string[];
  readonly used: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
}

/** One clause; `offset` is where in the text that was given (UTF-16 units). */
export class ExpansionFailure extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'ExpansionFailure';
    this.offset = offset;
  }
}

/** Far beyond honest files; `${a:-${a:-…` would otherwise end in an overflow of the stack. */
const DEPTH_MAX = 64;
/** A value that doubles in each line would fill the memory after thirty. */
const TEXT_MAX = 1 << 20;

const isBlank = (char: string): boolean => /^\s$/u.test(char);
const NAME = /^(?:\d+|[@*#?\-$!]|[\p{L}_][\p{L}\p{Nd}_]*)/u;

/** Collects words as they come: blanks end a word unless they are quoted or escaped. */
class Words {
  readonly done: string[] = [];
  #word = '';
  plain(text: string): void {
    for (const char of text)
      if (!isBlank(char)) this.#word += char;
      else this.end();
  }
  quoted(text: string): void {
    this.#word += text;
  }
  end(): readonly string[] {
    if (this.#word !== '') this.done.push(this.#word);
    this.#word = '';
    return this.done;
  }
}

/** Substitutes and unquotes. Throws ExpansionFailure. */
export function expandWord(text: string, values: ReadonlyMap<string, string>, options: ExpandOptions): Expanded {
  const used = new Set<string>();
  const missing = new Set<string>();
  let at = 0;
  let depth = 0;

  const fail = (message: string): never => {
    throw new ExpansionFailure(message, Math.min(at, text.length));
  };

  const lookUp = (name: string): string | undefined => {
    const value = values.get(name);
    (value === undefined ? missing : used).add(name);
    return value;
  };

  /** Up to `stop`, which is taken, too; to the end when it is absent. */
  const until = (stop: string | undefined, rawEscapes: boolean): { text: string; words: readonly string[] } => {
    if (++depth > DEPTH_MAX) fail('substitutions are nested too deep');
    const words = new Words();
    let out = '';
    while (at < text.length) {
      const char = text[at]!;
      if (char === stop) {
        at++;
        depth--;
        return { text: out, words: words.end() };
      }
      if (char === '$') {
        const value = dollar();
        out += value;
        words.plain(value);
      } else if ((char === "'" || char === '"') && options.quotesAreText !== true) {
        const value = char === "'" ? singleQuoted() : doubleQuoted(rawEscapes);
        out += value;
        words.quoted(value);
      } else {
        at++;
        if (char !== options.escape) {
          out += char;
          words.plain(char);
        } else {
          const escaped = text.slice(at, at + 1);
          at++;
          out += rawEscapes ? char + escaped : escaped;
          words.quoted(rawEscapes ? char + escaped : escaped);
        }
      }
      if (out.length > TEXT_MAX) fail(`it becomes longer than ${TEXT_MAX} characters`);
    }
    depth--;
    if (stop !== undefined)
      fail(stop === '}' ? "syntax error: missing '}'" : `syntax error: missing '${stop}' in \${}`);
    return { text: out, words: words.end() };
  };

  const singleQuoted = (): string => {
    const end = text.indexOf("'", at + 1);
    if (end < 0) return fail('a single quote has no end');
    const inner = text.slice(at + 1, end);
    at = end + 1;
    return options.raw === true ? `'${inner}'` : inner;
  };

  /** An escape counts only before `"`, `$` and itself. */
  const doubleQuoted = (rawEscapes: boolean): string => {
    const quote = options.raw === true ? '"' : '';
    let out = quote;
    at++;
    while (at < text.length) {
      const char = text[at]!;
      if (char === '"') {
        at++;
        return out + quote;
      }
      if (char === '$') out += dollar();
      else if (char === options.escape) {
        const next = text[at + 1];
        at += 1;
        if (rawEscapes) out += char;
        if (next === undefined) continue;
        if (next === '"' || next === '$' || next === options.escape) {
          out += next;
          at++;
        } else out += char;
      } else {
        out += char;
        at++;
      }
      if (out.length > TEXT_MAX) fail(`it becomes longer than ${TEXT_MAX} characters`);
    }
    return fail('a double quote has no end');
  };

  const readName = (): string => {
    const name = NAME.exec(text.slice(at, at + 1024))?.[0] ?? '';
    at += name.length;
    return name;
  };

  const dollar = (): string => {
    const start = at++;
    if (text[at] !== '{') {
      const name = readName();
      if (name === '') return '$';
      return lookUp(name) ?? (options.keepUnset === true ? `$${name}` : '');
    }
    at++;
    if (at >= text.length) fail("syntax error: missing '}'");
    if ('{}:'.includes(text[at]!)) fail('syntax error: bad substitution');
    const name = readName();
    const value = substitution(name);
    if (options.keepUnset === true && !values.has(name)) return text.slice(start, at);
    return value;
  };

  /** What follows the name in `${name…}`, the closing brace included. */
  const substitution = (name: string): string => {
    let operator = text[at] ?? '';
    if (operator === '') return fail("syntax error: missing '}'");
    at++;
    if (operator === '}') return lookUp(name) ?? '';
    if (operator === '/') return replaced(name);
    const emptyIsUnset = operator === ':';
    if (emptyIsUnset) operator = text[at++] ?? '';
    if (operator === '' || !'+-?#%'.includes(operator) || (emptyIsUnset && '#%'.includes(operator)))
      return fail(`unsupported modifier (${emptyIsUnset ? ':' : ''}${operator}) in substitution`);
    const longest = (operator === '#' || operator === '%') && text[at] === operator;
    if (longest) at++;
    const begin = at;
    const word = until('}', operator === '#' || operator === '%').text;
    const value = lookUp(name);
    const absent = value === undefined || (emptyIsUnset && value === '');
    if (operator === '-') return absent ? word : value;
    if (operator === '+') return absent ? '' : word;
    if (operator === '?') {
      if (!absent) return value;
      at = begin;
      return fail(`${name}: ${word || `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`}`);
    }
    const trim = operator === '#' ? trimStart : trimEnd;
    return trim(value ?? '', pattern(word, begin), longest);
  };

  const replaced = (name: string): string => {
    const everywhere = text[at] === '/';
    if (everywhere) at++;
    const begin = at;
    const wanted = pattern(until('/', true).text, begin);
    const replacement = until('}', true).text;
    return replaceMatches(lookUp(name) ?? '', wanted, replacement, everywhere);
  };

  const pattern = (word: string, begin: number) => {
    try {
      return parseShellPattern(word);
    } catch (error) {
      throw new ExpansionFailure((error as Error).message, begin);
    }
  };

  const whole = until(undefined, options.raw === true);
  return { text: whole.text, words: whole.words, used, missing };
}

/** The same for who needs the text alone. */
export const expandText = (text: string, values: ReadonlyMap<string, string>, options: ExpandOptions): string =>
  expandWord(text, values, options).text;
