/** Reads .env files and service env_file entries: KEY=VALUE lines with quotes, comments, `export` and `${…}`. */
import { interpolate, type Lookup } from './interpolate.ts';
import { MAX_VARIABLES } from './limits.ts';
import { TooMuch } from './too-much.ts';
import type { Mark, SourceText } from './tree.ts';

export interface EnvEntry {
  readonly key: string;
  /** undefined: a bare KEY, to be inherited. */
  readonly value: string | undefined;
  readonly mark: Mark;
}

export interface EnvProblem {
  readonly summary: string;
  readonly at: Mark;
  readonly help?: string;
}

export interface EnvFile {
  readonly entries: readonly EnvEntry[];
  readonly problems: readonly EnvProblem[];
}

const nothing: Lookup = () => undefined;

/** A `$NAME` is looked up outside first, then in what the file has said so far, then in what was read before it. */
export function parseDotenv(source: SourceText, outer: Lookup, earlier: Lookup = nothing): EnvFile {
  const own = new Map<string, string>();
  const reader: Reader = {
    source,
    text: source.text,
    at: source.text.startsWith('\ufeff') ? 1 : 0,
    lookup: (name) => outer(name) ?? own.get(name) ?? earlier(name),
    entries: [],
    problems: [],
    own,
  };
  while (reader.at < reader.text.length) {
    limit(reader, source);
    if (!statement(reader)) break;
  }
  return { entries: reader.entries, problems: reader.problems };
}

function limit({ entries, problems }: EnvFile, source: SourceText): void {
  if (entries.length + problems.length <= MAX_VARIABLES) return;
  const at = { source, start: 0, end: 0 };
  throw new TooMuch(`the env file has more than ${MAX_VARIABLES} variables`, { at, help: 'make it smaller' });
}

interface Reader {
  readonly source: SourceText;
  readonly text: string;
  readonly lookup: Lookup;
  readonly entries: EnvEntry[];
  readonly problems: EnvProblem[];
  readonly own: Map<string, string>;
  at: number;
}

/** One line, or one blank stretch. false: nothing sensible can follow. */
function statement(reader: Reader): boolean {
  skip(reader, /\s*/y);
  if (reader.at >= reader.text.length) return true;
  if (reader.text[reader.at] === '#') return skip(reader, /[^\n]*/y) !== undefined;
  skip(reader, /export[ \t]+/y);
  const start = reader.at;
  const key = (skip(reader, /[^=:\n#]*/y) ?? '').trimEnd();
  const separator = reader.text[reader.at];
  const mark = { source: reader.source, start, end: Math.max(start + 1, start + key.length) };
  const wrong = keyProblem(key);
  if (wrong !== undefined) {
    reader.problems.push({ summary: wrong, at: mark, help: 'write KEY=VALUE, one a line' });
    skip(reader, /[^\n]*/y);
    return true;
  }
  if (separator !== '=' && separator !== ':') {
    skip(reader, /[^\n]*/y);
    reader.entries.push({ key, value: undefined, mark });
    return true;
  }
  reader.at += 1;
  skip(reader, /[ \t]*/y);
  const value = readValue(reader, mark);
  if (value === undefined) return false;
  reader.own.set(key, value);
  reader.entries.push({ key, value, mark });
  return true;
}

function keyProblem(key: string): string | undefined {
  if (key === '') return 'a variable name is missing before the =';
  if (/\s/.test(key)) return `the variable name "${key}" holds a space`;
  const bad = /[^\p{L}\p{N}_.\-[\]]/u.exec(key);
  return bad ? `unexpected character "${bad[0]}" in the variable name "${key}"` : undefined;
}

function skip(reader: Reader, pattern: RegExp): string | undefined {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text)?.[0];
  reader.at += found?.length ?? 0;
  return found;
}

function readValue(reader: Reader, key: Mark): string | undefined {
  const quote = reader.text[reader.at];
  if (quote === '"' || quote === "'") return quoted(reader, quote, key);
  const line = skip(reader, /[^\n]*/y) ?? '';
  // A # begins a comment after a space only: `COLOR=#fff` is a value.
  const comment = line.indexOf(' #');
  return expand(reader, (comment === -1 ? line : line.slice(0, comment)).trimEnd(), key);
}

function quoted(reader: Reader, quote: string, key: Mark): string | undefined {
  const from = reader.at + 1;
  let end = from;
  while (end < reader.text.length && reader.text[end] !== quote) end += reader.text[end] === '\\' ? 2 : 1;
  if (end >= reader.text.length) {
    reader.problems.push({
      summary: 'a quoted value does not end',
      at: { ...key, start: reader.at, end: reader.at + 1 },
      help: `close it with ${quote}`,
    });
    return undefined;
  }
  const raw = reader.text.slice(from, end);
  reader.at = end + 1;
  // Whatever follows on the line, a comment for instance, is not part of the value.
  skip(reader, /[ \t]*(?:#[^\n]*)?/y);
  return quote === "'" ? raw.replaceAll("\\'", "'") : expand(reader, unescaped(raw), key);
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
};

function unescaped(raw: string): string {
  return raw.replace(/\\(0[0-7]{1,3}|[abfnrtv\\"$])/g, (_, code: string) => {
    if (code === '$') return '$$';
    return code.startsWith('0') ? String.fromCharCode(Number.parseInt(code, 8)) : ESCAPES[code]!;
  });
}

function expand(reader: Reader, value: string, key: Mark): string {
  const result = interpolate(value, reader.lookup);
  if (result.ok) return result.text;
  const summary =
    result.problem === 'required'
      ? `required variable ${result.name} has no value`
      : `malformed expression ${result.expression}`;
  reader.problems.push({ summary, at: key, help: 'a literal $ is written $$, or put the value in single quotes' });
  return value;
}

/** `format: raw`: KEY=VALUE verbatim, as `docker run --env-file` reads it. */
export function parseRawEnv(source: SourceText): EnvFile {
  const entries: EnvEntry[] = [];
  const problems: EnvProblem[] = [];
  let start = 0;
  for (const line of source.text.replace(/^\ufeff/, '').split('\n')) {
    const text = line.trimStart().replace(/\r$/, '');
    const mark = { source, start, end: start + Math.max(1, line.length) };
    start += line.length + 1;
    if (text === '' || text.startsWith('#')) continue;
    const equals = text.indexOf('=');
    const key = equals === -1 ? text : text.slice(0, equals);
    if (key === '' || /\s/.test(key)) problems.push({ summary: `"${key}" is not a variable name`, at: mark });
    else entries.push({ key, value: equals === -1 ? undefined : text.slice(equals + 1), mark });
    limit({ entries, problems }, source);
  }
  return { entries, problems };
}
