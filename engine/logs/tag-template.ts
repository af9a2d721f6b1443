/** What Go's templates can do in a tag: fields, texts, numbers, calls of Docker's functions, pipes and parentheses; no conditions, no loops. */
type Value = string | number | readonly string[];
type Fields = Readonly<Record<string, string>>;

const text = (value: Value | undefined): string => {
  if (typeof value === 'string') return value;
  throw new Error(`${JSON.stringify(value) ?? 'nothing'} is no text`);
};
const number = (value: Value | undefined): number => {
  if (typeof value === 'number') return value;
  throw new Error(`${JSON.stringify(value) ?? 'nothing'} is no number`);
};
const list = (value: Value | undefined): readonly string[] => {
  if (Array.isArray(value)) return value as readonly string[];
  throw new Error(`${JSON.stringify(value) ?? 'nothing'} is no list`);
};

/** As daemon/logger/templates of moby and the built-in ones of Go have them, as far as they make sense of texts. */
const CALLS: Readonly<Record<string, (...args: readonly Value[]) => Value>> = {
  json: (value) => JSON.stringify(value),
  split: (value, by) => text(value).split(text(by)),
  join: (values, by) => list(values).join(text(by)),
  title: (value) =>
    text(value).replace(/(^|\s)(\S)/gu, (_, before: string, first: string) => before + first.toUpperCase()),
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  pad: (value, before, after) =>
    text(value) === '' ? '' : ' '.repeat(number(before)) + text(value) + ' '.repeat(number(after)),
  truncate: (value, length) => [...text(value)].slice(0, number(length)).join(''),
  println: (...values) => `${values.map(shown).join(' ')}\n`,
  len: (value) => (typeof value === 'string' ? Buffer.byteLength(value) : list(value).length),
  index: (values, at) => {
    const found = list(values)[number(at)];
    if (found === undefined) throw new Error(`index ${number(at)} is out of range`);
    return found;
  },
};

export const FUNCTIONS: readonly string[] = Object.keys(CALLS);

/** As Go prints values: lists in brackets. */
const shown = (value: Value): string => (Array.isArray(value) ? `[${value.join(' ')}]` : `${value as string | number}`);

/** Throws an Error that says what of it is not understood. `{{-` and `-}}` eat the blanks before and after. */
export function fillIn(template: string, fields: Fields): string {
  const parts = template.split(/(\s*\{\{-\s|\{\{|\s-\}\}\s*|\}\})/);
  let result = '';
  for (let at = 0; at < parts.length; at += 4) {
    result += parts[at];
    if (at + 1 >= parts.length) break;
    if (!parts[at + 1]!.includes('{{') || !parts[at + 3]?.includes('}}')) throw new Error('braces do not match');
    result += shown(new Reader(parts[at + 2]!, fields).all());
  }
  return result;
}

const TOKEN = /\s*(?:(\.\w*)|("(?:[^"\\]|\\.)*"|`[^`]*`)|(-?\d+)|(\w+)|([|()])|(\S))/y;

class Reader {
  readonly #tokens: readonly RegExpExecArray[];
  readonly #fields: Fields;
  #at = 0;

  constructor(words: string, fields: Fields) {
    const token = new RegExp(TOKEN);
    const tokens: RegExpExecArray[] = [];
    for (let found = token.exec(words); found !== null; found = token.exec(words)) tokens.push(found);
    this.#tokens = tokens;
    this.#fields = fields;
  }

  all(): Value {
    const value = this.#pipeline();
    if (this.#at < this.#tokens.length) throw new Error(`${this.#word()} is one too many`);
    return value;
  }

  #word(): string {
    return this.#tokens[this.#at]?.[0].trim() ?? 'the end';
  }

  #takes(sign: string): boolean {
    if (this.#tokens[this.#at]?.[5] !== sign) return false;
    this.#at += 1;
    return true;
  }

  /** What stands before a pipe is the last argument of what stands after it. */
  #pipeline(): Value {
    let value = this.#command();
    while (this.#takes('|')) value = this.#command(value);
    return value;
  }

  #command(piped?: Value): Value {
    const name = this.#tokens[this.#at]?.[4];
    if (name === undefined) {
      if (piped !== undefined) throw new Error(`${this.#word()} is no function`);
      return this.#operand();
    }
    const call = Object.hasOwn(CALLS, name) ? CALLS[name]! : undefined;
    if (call === undefined) throw new Error(`there is no function ${name}`);
    this.#at += 1;
    const args: Value[] = [];
    while (this.#at < this.#tokens.length && !['|', ')'].includes(this.#tokens[this.#at]![5] ?? '')) {
      args.push(this.#operand());
    }
    return call(...args, ...(piped === undefined ? [] : [piped]));
  }

  #operand(): Value {
    const [, field, quoted, digits] = this.#tokens[this.#at] ?? [];
    if (this.#takes('(')) {
      const value = this.#pipeline();
      if (!this.#takes(')')) throw new Error('a parenthesis is not closed');
      return value;
    }
    if (digits !== undefined) return Number(this.#tokens[this.#at++]![0]);
    if (quoted !== undefined) {
      this.#at += 1;
      return quoted.startsWith('`') ? quoted.slice(1, -1) : (JSON.parse(quoted) as string);
    }
    const value = field === undefined ? undefined : this.#fields[field.slice(1)];
    if (value === undefined)
      throw new Error(field === undefined ? `${this.#word()} is not understood` : `there is no ${field}`);
    this.#at += 1;
    return value;
  }
}
