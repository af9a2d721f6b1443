/** Flow collections and literal blocks, for the quick YAML reader. */
import { MAX_DEPTH } from './limits.ts';
import { mergeInto, readAlias } from './quick-anchors.ts';
import {
  addEntry,
  type Cursor,
  closingQuote,
  endOfLine,
  endOfMatch,
  isBlankAfter,
  mark,
  NOT_PLAIN,
  plain,
  quoted,
  scalarAt,
  Unusual,
} from './quick-scalars.ts';
import type { Entry, MapNode, ScalarNode, SpecNode } from './tree.ts';

interface Read<N extends SpecNode> {
  readonly node: N;
  /** Just after it. */
  readonly end: number;
}

/** `[a, "b"]`, `{a: b}`, nested, over several lines as long as each is indented deeper than the block it is in. */
export function readFlow(cursor: Cursor, at: number, indent: number): Read<SpecNode> {
  cursor.depth += 1;
  if (cursor.depth > MAX_DEPTH) throw new Unusual();
  const read = cursor.text[at] === '[' ? flowList(cursor, at, indent) : flowMap(cursor, at, indent);
  cursor.depth -= 1;
  return read;
}

function flowList(cursor: Cursor, open: number, indent: number): Read<SpecNode> {
  const items: SpecNode[] = [];
  let at = skipBlank(cursor, open + 1, indent);
  while (cursor.text[at] !== ']') {
    const item = flowValue(cursor, at, indent);
    items.push(item.node);
    at = separator(cursor, item.end, indent, ']');
  }
  return { node: { kind: 'list', items, mark: mark(cursor, open, at + 1) }, end: at + 1 };
}

function flowMap(cursor: Cursor, open: number, indent: number): Read<MapNode> {
  const entries = new Map<string, Entry>();
  let merged: SpecNode | undefined;
  let at = skipBlank(cursor, open + 1, indent);
  while (cursor.text[at] !== '}') {
    const key = flowScalar(cursor, at);
    const name = key.node.value;
    const isKey = cursor.text[key.end] === ':' && isBlankAfter(cursor, key.end + 1);
    if (!isKey || typeof name !== 'string') throw new Unusual();
    const isMerge = name === '<<' && cursor.text[at] === '<';
    if (isMerge && merged !== undefined) throw new Unusual();
    const value = skipBlank(cursor, key.end + 1, indent);
    const read = /[,}]/.test(cursor.text[value] ?? '') ? absent(cursor, value) : flowValue(cursor, value, indent);
    if (isMerge) merged = read.node;
    else addEntry(cursor, entries, name, { key: key.node.mark, value: read.node });
    at = separator(cursor, read.end, indent, '}');
  }
  if (merged !== undefined) mergeInto(entries, merged);
  return { node: { kind: 'map', entries, mark: mark(cursor, open, at + 1) }, end: at + 1 };
}

/** The values of `{a: , b: }`. */
function absent(cursor: Cursor, at: number): Read<ScalarNode> {
  return { node: scalarAt(cursor, null, at, at, ''), end: at };
}

function flowValue(cursor: Cursor, at: number, indent: number): Read<SpecNode> {
  const first = cursor.text[at];
  if (first === '*') return readAlias(cursor, at);
  return first === '[' || first === '{' ? readFlow(cursor, at, indent) : flowScalar(cursor, at);
}

function flowScalar(cursor: Cursor, at: number): Read<ScalarNode> {
  const { text } = cursor;
  if (text[at] === '"' || text[at] === "'") {
    const end = closingQuote(cursor, at) + 1;
    return { node: scalarAt(cursor, quoted(text.slice(at, end)), at, end), end };
  }
  const first = text.charCodeAt(at);
  // A dash or colon at the beginning depends on what follows: rare enough to leave alone.
  if (NOT_PLAIN.has(first) || first === 0x3a || (first === 0x2d && !/[0-9A-Za-z-]/.test(text[at + 1] ?? '')))
    throw new Unusual();
  const end = endOfMatch(FLOW_PLAIN, text, at);
  if (/[[{\n\t#]/.test(text[end] ?? '\n') && text[end] !== ':') throw new Unusual();
  let trimmed = end;
  while (text[trimmed - 1] === ' ') trimmed--;
  if (trimmed === at || (trimmed < end && text[end] === ':')) throw new Unusual();
  return { node: plain(cursor, at, trimmed), end };
}

/** A colon ends it where a blank or one of the signs of a collection follows. */
const FLOW_PLAIN = /(?:[^,[\]{}\n\t#:]|:(?![ \n,[\]{}]|$))*/y;

function skipBlank(cursor: Cursor, from: number, indent: number): number {
  const { text } = cursor;
  let at = from;
  for (;;) {
    while (text[at] === ' ') at++;
    if (text[at] !== '\n') break;
    const line = at + 1;
    at = line;
    while (text[at] === ' ') at++;
    if (text[at] !== '\n' && at - line <= Math.max(indent, 0)) throw new Unusual();
  }
  if (at >= text.length || text[at] === '#' || text[at] === '\t') throw new Unusual();
  return at;
}

/** After an item: a comma and the next one, or the end. */
function separator(cursor: Cursor, after: number, indent: number, close: string): number {
  const at = skipBlank(cursor, after, indent);
  if (cursor.text[at] === close) return at;
  if (cursor.text[at] !== ',') throw new Unusual();
  return skipBlank(cursor, at + 1, indent);
}

/** `|`, `|-`, `|+`, `>` or `>-` and the lines below; the end is the start of the line after them. */
export function readLiteral(cursor: Cursor, at: number, indent: number): Read<ScalarNode> {
  const { text } = cursor;
  const firstLine = endOfLine(cursor, at);
  const header = text.slice(at, firstLine).trimEnd();
  if (!/^(?:\|[-+]?|>-?)$/.test(header)) throw new Unusual();
  const lines: string[] = [];
  let width = -1;
  let line = firstLine + 1;
  while (line < text.length) {
    const newline = text.indexOf('\n', line);
    // Without a last newline, what the block ends in is a matter of taste.
    if (newline === -1) throw new Unusual();
    const end = cursor.isDos ? newline - 1 : newline;
    let content = line;
    while (content < end && text[content] === ' ') content++;
    const isBlank = content === end;
    if (width === -1 && isBlank && content > line) throw new Unusual();
    if (!isBlank && width === -1) {
      if (content - line <= Math.max(indent, 0) && !(indent === -1)) break;
      width = content - line;
    }
    if (!isBlank && content - line < width) {
      if (content - line > indent) throw new Unusual();
      break;
    }
    lines.push(isBlank ? text.slice(Math.min(line + Math.max(width, 0), end), end) : text.slice(line + width, end));
    line = newline + 1;
  }
  if (width === -1) throw new Unusual();
  return { node: scalarAt(cursor, chomp(lines, header), at, line), end: line };
}

function chomp(lines: string[], header: string): string {
  if (header.startsWith('>')) return fold(lines, header);
  const whole = lines.map((line) => `${line}\n`).join('');
  if (header === '|+') return whole;
  const body = whole.replace(/\n+$/, '');
  return header === '|-' || body === '' ? body : `${body}\n`;
}

/** Lines become one. Blank lines between them and lines that are indented further have rules of their own. */
function fold(lines: readonly string[], header: string): string {
  const last = lines.findLastIndex((line) => line !== '');
  const text = lines.slice(0, last + 1);
  if (text.some((line) => line === '' || /^[ \t]|[ \t]$/.test(line))) throw new Unusual();
  return `${text.join(' ')}${header === '>-' ? '' : '\n'}`;
}
