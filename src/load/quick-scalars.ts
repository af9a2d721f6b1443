/** What the parts of the quick YAML reader share: its cursor, plain and quoted scalars. */
import { plainScalar } from './plain-scalar.ts';
import { noteRepeat, type Repeats } from './repeats.ts';
import type { Entry, Mark, Scalar, ScalarNode, SourceText, SpecNode } from './tree.ts';

export interface Cursor {
  readonly source: SourceText;
  readonly text: string;
  /** Lines end in a carriage return too, in whose place `text` has a space. */
  readonly isDos: boolean;
  /** Start of the next line that has content, and its indentation; -1 at the end of the file. */
  line: number;
  indent: number;
  depth: number;
  readonly anchors: Map<string, SpecNode>;
  /** Values that aliases have added. */
  aliased: number;
  readonly repeats: Repeats;
}

/** An entry that is its own key's mark: a file has as many entries as values, and one object each instead of two is felt. */
export class OwnEntry implements Entry, Mark {
  readonly source: SourceText;
  readonly start: number;
  readonly end: number;
  value: SpecNode;
  constructor(source: SourceText, start: number, end: number, value: SpecNode) {
    this.source = source;
    this.start = start;
    this.end = end;
    this.value = value;
  }
  get key(): Mark {
    return this;
  }
}

/** The first entry of a name counts. */
export function addEntry(cursor: Cursor, entries: Map<string, Entry>, name: string, entry: Entry): void {
  const earlier = entries.get(name);
  if (earlier === undefined) entries.set(name, entry);
  else noteRepeat(cursor.repeats, name, earlier.key, entry.key);
}

/** Thrown to leave the file to the full parser. */
export class Unusual extends Error {}

/** What a plain scalar cannot begin with. */
export const NOT_PLAIN: ReadonlySet<number> = new Set([...'[]{},#&*!|>\'"%@`?'].map((char) => char.charCodeAt(0)));

const NEWLINE = 0x0a;
const SPACE = 0x20;

export function mark(cursor: Cursor, start: number, end: number): Mark {
  return { source: cursor.source, start, end };
}

/** A value that is its own mark, as OwnEntry is: its copies keep pointing at it. */
export function scalarAt(cursor: Cursor, value: Scalar, start: number, end: number, raw?: string): ScalarNode {
  const { source } = cursor;
  const node: ScalarNode & Mark =
    raw === undefined
      ? { kind: 'scalar', value, source, start, end, mark: NOWHERE }
      : { kind: 'scalar', value, source, start, end, mark: NOWHERE, raw };
  node.mark = node;
  return node;
}

const NOWHERE: Mark = { source: { file: '', text: '' }, start: 0, end: 0 };

export function endOfLine(cursor: Cursor, at: number): number {
  const end = cursor.text.indexOf('\n', at);
  return end === -1 ? cursor.text.length : end;
}

export function isBlankAfter(cursor: Cursor, at: number): boolean {
  const code = cursor.text.charCodeAt(at);
  return code === SPACE || code === NEWLINE || Number.isNaN(code);
}

export function plain(cursor: Cursor, at: number, end: number): ScalarNode {
  return plainAt(cursor, cursor.text.slice(at, end), at, end);
}

export function plainAt(cursor: Cursor, raw: string, at: number, end: number): ScalarNode {
  const value = plainScalar(raw);
  return typeof value === 'string' ? scalarAt(cursor, value, at, end) : scalarAt(cursor, value, at, end, raw);
}

// A backslash at the end of a line goes on in the next one: not a matter of one line.
const DOUBLE_QUOTED = /"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"/y;
const SINGLE_QUOTED = /'[^'\n]*(?:''[^'\n]*)*'/y;

/** Where the quote that opens here closes, on the same line. */
export function closingQuote(cursor: Cursor, at: number): number {
  const end = endOfMatch(cursor.text.charCodeAt(at) === 0x22 ? DOUBLE_QUOTED : SINGLE_QUOTED, cursor.text, at);
  if (end === at) throw new Unusual();
  return end - 1;
}

/** How far a sticky pattern reaches from here: searches are native, and far faster than a loop over characters that runs once. */
export function endOfMatch(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/** The value of a quoted scalar, quotes included in what is given. */
export function quoted(written: string): string {
  const inside = written.slice(1, -1);
  if (inside.includes('\t')) throw new Unusual();
  if (written[0] === "'") return inside.replaceAll("''", "'");
  return inside.includes('\\') ? inside.replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))/g, unescaped) : inside;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  ' ': ' ',
  '"': '"',
  '/': '/',
  '\\': '\\',
};

function unescaped(_: string, byte: string | undefined, unit: string | undefined, char: string | undefined): string {
  const code = byte ?? unit;
  if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
  const made = ESCAPES[char ?? ''];
  if (made === undefined) throw new Unusual();
  return made;
}
