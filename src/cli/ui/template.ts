/**
 * Go templates as people write them for `--format` (text/template, docs.docker.com/engine/cli/formatting): read into a tree, all of it
 * judged before anything is printed. What is not known here is refused with its place in the text.
 */
import { renderTable } from './table.ts';
import { FUNCTIONS, isTrue, shown } from './template-functions.ts';
import { type Piece, piecesOf, type Token, wrong } from './template-words.ts';

export type Template = (row: object) => string;

type Scope = { readonly dot: unknown; readonly root: unknown; readonly names: Map<string, unknown> };
type Node = (scope: Scope) => string;
type Expression = (scope: Scope) => unknown;

/** Rows as a `--format` other than `json` asks: `table` alone (as `table` gives it), `table TEMPLATE` with headers, or a line for each. */
export function renderTemplate(
  format: string,
  rows: readonly object[],
  headers: Readonly<Record<string, string>>,
): string {
  const isTable = /^table\s/.test(format);
  // In a shell `\t` is two characters; Docker takes them for one.
  const source = (isTable ? format.replace(/^table\s+/, '') : format).replaceAll('\\t', '\t').replaceAll('\\n', '\n');
  const template = compile(source);
  const lines = rows.map((row) => template(row));
  if (!isTable) return lines.map((line) => `${line}\n`).join('');
  const header = (field: string): string => headers[field] ?? field.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toUpperCase();
  const head = compile(source, header)({}).split('\t');
  return renderTable(
    head,
    lines.map((line) => line.split('\t')),
  );
}

/** `header`: instead of a field its name is shown, and functions on the way to it are not called. */
export function compile(source: string, header?: (field: string) => string): Template {
  const reader = new Reader(source, piecesOf(source), header);
  const node = reader.block([]).node;
  return (row) => node({ dot: row, root: row, names: new Map() });
}

/** Lives while one template is read. */
class Reader {
  #at = 0;
  readonly #source: string;
  readonly #pieces: readonly Piece[];
  readonly #header: ((field: string) => string) | undefined;

  constructor(source: string, pieces: readonly Piece[], header: ((field: string) => string) | undefined) {
    this.#source = source;
    this.#pieces = pieces;
    this.#header = header;
  }

  /** Up to one of the words that end it (`end`, `else`), or to the end of all. */
  block(ends: readonly string[], opened = 0): { readonly node: Node; readonly end: readonly Token[] } {
    const nodes: Node[] = [];
    for (let piece = this.#pieces[this.#at++]; piece !== undefined; piece = this.#pieces[this.#at++]) {
      if (piece.kind === 'text') {
        const { text } = piece;
        nodes.push(() => text);
        continue;
      }
      const [first, ...rest] = piece.tokens;
      if (first === undefined) throw wrong(this.#source, piece.at, 'missing value for command');
      const word = first.kind === 'word' ? first.text : '';
      if (ends.includes(word)) return { node: joined(nodes), end: rest };
      if (word === 'end' || word === 'else') throw wrong(this.#source, first.at, `unexpected {{${word}}}`);
      if (word === 'if' || word === 'with') nodes.push(this.#branch(word, rest, piece.at));
      else if (word === 'range') nodes.push(this.#range(rest, piece.at));
      else nodes.push(this.#output(piece.tokens));
    }
    if (ends.length > 0) throw wrong(this.#source, opened, 'this has no {{end}}');
    return { node: joined(nodes), end: [] };
  }

  #branch(word: 'if' | 'with', tokens: readonly Token[], at: number): Node {
    const condition = this.#pipeline(tokens, at);
    const yes = this.block(['else', 'end'], at);
    const no = this.#otherwise(at, word);
    return (scope) => {
      const value = condition(scope);
      if (!isTrue(value)) return no(scope);
      return yes.node(word === 'with' ? { ...scope, dot: value } : scope);
    };
  }

  /** After the first part: what `{{else}}` or `{{else if …}}` begins. */
  #otherwise(at: number, word: 'if' | 'with'): Node {
    const ended = this.#pieces[this.#at - 1]!;
    const tokens = ended.kind === 'action' ? ended.tokens : [];
    if (isWord(tokens[0], 'end')) return () => '';
    if (tokens.length === 1) return this.block(['end'], at).node;
    if (!isWord(tokens[1], word)) throw wrong(this.#source, tokens[1]!.at, `{{else}} can be followed by ${word} only`);
    return this.#branch(word, tokens.slice(2), at);
  }

  #range(tokens: readonly Token[], at: number): Node {
    const assigned = tokens.findIndex((token) => token.kind === 'sign' && token.text === ':=');
    const names = tokens
      .slice(0, Math.max(assigned, 0))
      .flatMap((token) => (token.kind === 'variable' ? token.name : []));
    const value = this.#pipeline(tokens.slice(assigned + 1), at);
    const body = this.block(['else', 'end'], at);
    const empty = isWord((this.#pieces[this.#at - 1] as { tokens?: readonly Token[] }).tokens?.[0], 'else')
      ? this.block(['end'], at).node
      : () => '';
    return (scope) => {
      const entries = entriesOf(value(scope));
      if (entries.length === 0) return empty(scope);
      return entries
        .map(([key, one]) => {
          const inner = new Map(scope.names);
          const [first, second] = names;
          if (second !== undefined) inner.set(first!, key).set(second, one);
          else if (first !== undefined) inner.set(first, one);
          return body.node({ ...scope, dot: one, names: inner });
        })
        .join('');
    };
  }

  /** A value to be printed, or `$x := value`, which prints nothing. */
  #output(tokens: readonly Token[]): Node {
    const [first, sign] = tokens;
    if (first?.kind === 'variable' && sign?.kind === 'sign' && (sign.text === ':=' || sign.text === '=')) {
      const value = this.#pipeline(tokens.slice(2), sign.at);
      return (scope) => {
        scope.names.set(first.name, value(scope));
        return '';
      };
    }
    const value = this.#pipeline(tokens, first!.at);
    return (scope) => shown(value(scope));
  }

  /** `a | b`: the value of one is the last argument of the next. */
  #pipeline(tokens: readonly Token[], at: number): Expression {
    const commands: Token[][] = [[]];
    let depth = 0;
    for (const token of tokens) {
      if (token.kind === 'sign' && token.text === '(') depth += 1;
      if (token.kind === 'sign' && token.text === ')') depth -= 1;
      if (depth === 0 && token.kind === 'sign' && token.text === '|') commands.push([]);
      else commands.at(-1)!.push(token);
    }
    return commands.reduce<Expression | undefined>(
      (before, command) => this.#command(command, before, command[0]?.at ?? at),
      undefined,
    )!;
  }

  #command(tokens: readonly Token[], piped: Expression | undefined, at: number): Expression {
    const [first] = tokens;
    if (first === undefined) throw wrong(this.#source, at, 'missing value for command');
    if (first.kind !== 'word') {
      const [value, ...more] = this.#operands(tokens);
      if (first.kind === 'field' && first.path.at(-1) === METHOD) return this.#method(value!, more, first.at);
      if (more.length > 0 || piped !== undefined) throw wrong(this.#source, at, 'only a function takes arguments');
      return value!;
    }
    const { text: name } = first;
    const call = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name]! : undefined;
    if (call === undefined) throw wrong(this.#source, at, `function "${name}" is not known here`);
    const own = this.#operands(tokens.slice(1));
    const operands = piped === undefined ? own : [...own, piped];
    if (operands.length === 0 && name !== 'println' && name !== 'print')
      throw wrong(this.#source, at, `${name} needs something to work on`);
    if (this.#header) return operands.findLast((operand) => operand) ?? (() => '');
    return (scope) => {
      try {
        return call(...operands.map((operand) => operand(scope)));
      } catch (why) {
        throw typeof why === 'string' ? wrong(this.#source, at, `${name}: ${why}`) : why;
      }
    };
  }

  /** The one method that rows have: `.Label "com.example.x"`. Its header is made from the last part of that name, as Docker's. */
  #method(value: Expression, operands: readonly Expression[], at: number): Expression {
    const [operand] = operands;
    if (operand === undefined || operands.length > 1) throw wrong(this.#source, at, `.${METHOD} needs one name`);
    return (scope) => {
      const name = String(operand(scope));
      if (this.#header) return name.slice(name.lastIndexOf('.') + 1).replace(/[-_]/g, ' ');
      return (value(scope) as (name: string) => string)(name);
    };
  }

  #operands(tokens: readonly Token[]): readonly Expression[] {
    const found: Expression[] = [];
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i]!;
      if (token.kind === 'sign' && token.text === '(') {
        const close = closing(tokens, i);
        if (close < 0) throw wrong(this.#source, token.at, 'unclosed (');
        const inner = this.#pipeline(tokens.slice(i + 1, close), token.at);
        const behind = tokens[close + 1];
        // `(index .Config 0).Subnet`
        const isField = behind?.kind === 'field' && behind.at === tokens[close]!.at + 1;
        found.push(isField ? (scope) => this.#walk(inner(scope), behind.path, behind.at) : inner);
        i = isField ? close + 1 : close;
      } else found.push(this.#operand(token));
    }
    return found;
  }

  #operand(token: Token): Expression {
    switch (token.kind) {
      case 'value':
        return () => token.value;
      case 'field':
        return (scope) => this.#walk(scope.dot, token.path, token.at);
      case 'variable':
        return (scope) => {
          if (token.name !== '' && !scope.names.has(token.name))
            throw wrong(this.#source, token.at, `undefined variable $${token.name}`);
          return this.#walk(token.name === '' ? scope.root : scope.names.get(token.name), token.path, token.at);
        };
      case 'word':
        return this.#command([token], undefined, token.at);
      default:
        throw wrong(this.#source, token.at, `unexpected ${token.text}`);
    }
  }

  /** A field that a row does not have is a mistake of the template; one that a map inside of it does not have is nothing. */
  #walk(from: unknown, path: readonly string[], at: number): unknown {
    if (this.#header) return path.length === 0 ? '' : this.#header(path.at(-1)!);
    let value = from;
    for (const [depth, name] of path.entries()) {
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
      if (isObject && Object.hasOwn(value as object, name)) value = (value as Record<string, unknown>)[name];
      else if (depth > 0 && isObject) return undefined;
      else throw wrong(this.#source, at, `there is no field .${name}${knownFields(value)}`);
    }
    return value;
  }
}

/** Of a row that says so: never shown by itself, since it is not enumerable. */
const METHOD = 'Label';

const knownFields = (value: unknown): string =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? `; there are: ${Object.keys(value).sort().join(', ')}`
    : '';

const isWord = (token: Token | undefined, text: string): boolean => token?.kind === 'word' && token.text === text;

function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (const [i, token] of tokens.entries()) {
    if (i < open || token.kind !== 'sign') continue;
    if (token.text === '(') depth += 1;
    if (token.text === ')' && --depth === 0) return i;
  }
  return -1;
}

function entriesOf(value: unknown): readonly (readonly [unknown, unknown])[] {
  if (Array.isArray(value)) return value.map((one, index) => [index, one]);
  if (typeof value === 'object' && value !== null) return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  if (typeof value === 'number') return Array.from({ length: value }, (_, index) => [index, index]);
  return [];
}

const joined =
  (nodes: readonly Node[]): Node =>
  (scope) =>
    nodes.map((node) => node(scope)).join('');
