/**
 * A fast reader for the YAML that most Compose files are made of: block mappings and lists, one-line scalars, literal blocks,
 * flow collections, anchors. At the first thing beyond that (tags, text over several lines, a mistake) it gives up, and the full parser
 * reads the file from the start: this one accepts nothing that the full one reads differently. Of mistakes it knows keys that are repeated.
 */
import type { Findings } from './findings.ts';
import { MAX_DEPTH } from './limits.ts';
import { plainScalar } from './plain-scalar.ts';
import { AMPERSAND, mergeInto, readAlias, readAnchored } from './quick-anchors.ts';
import { readFlow, readLiteral } from './quick-inline.ts';
import { readPair, readSimpleItem } from './quick-lines.ts';
import {
  addEntry,
  type Cursor,
  closingQuote,
  endOfLine,
  isBlankAfter,
  mark,
  NOT_PLAIN,
  OwnEntry,
  plain,
  quoted,
  scalarAt,
  Unusual,
} from './quick-scalars.ts';
import { type Repeats, reportRepeats } from './repeats.ts';
import type { Entry, ListNode, MapNode, ScalarNode, SourceText, SpecNode } from './tree.ts';

const SPACE = 0x20;
const NEWLINE = 0x0a;
const HASH = 0x23;
const COLON = 0x3a;
const DASH = 0x2d;
/** Control characters, lone carriage returns, byte order marks. */
const UNUSUAL_CHARACTERS = /[\x00-\x08\x0b-\x1f\x7f\ufeff]/;

/** undefined: not for this reader; then nothing was reported either. */
export function quickYaml(source: SourceText, findings: Findings): SpecNode | undefined {
  const isDos = source.text.includes('\r');
  // A space at the end of a line means nothing, but in literal blocks, and every offset stays what it is.
  const text = isDos ? source.text.replaceAll('\r\n', ' \n') : source.text;
  if (UNUSUAL_CHARACTERS.test(text) || (isDos && /(?:^|[^\r])\n/.test(source.text))) return undefined;
  const start = /^(?: *(?:#[^\n]*)?\n)*--- ?\n/.exec(text)?.[0].length ?? 0;
  if (/^(?:---|\.\.\.|%)/m.test(start === 0 ? text : text.slice(start))) return undefined;
  const repeats: Repeats = new Map();
  const cursor: Cursor = { source, text, isDos, line: 0, indent: 0, depth: 0, anchors: new Map(), aliased: 0, repeats };
  try {
    advance(cursor, start);
    if (cursor.indent === -1) return undefined;
    const root = readBlock(cursor, -1);
    if (cursor.indent !== -1) return undefined;
    reportRepeats(repeats, findings);
    return root;
  } catch (error) {
    if (error instanceof Unusual) return undefined;
    throw error;
  }
}

/** Moves to the first line at or after an offset (a line's start) that is neither blank nor a comment. */
function advance(cursor: Cursor, from: number): void {
  const { text } = cursor;
  let at = from;
  while (at < text.length) {
    let content = at;
    while (text.charCodeAt(content) === SPACE) content++;
    const first = text.charCodeAt(content);
    if (first === 0x09) throw new Unusual();
    if (first !== NEWLINE && first !== HASH && content < text.length) {
      cursor.line = at;
      cursor.indent = content - at;
      return;
    }
    const end = text.indexOf('\n', content);
    if (end === -1) break;
    at = end + 1;
  }
  cursor.line = text.length;
  cursor.indent = -1;
}

function readBlock(cursor: Cursor, parent: number): SpecNode {
  if (cursor.indent <= parent) throw new Unusual();
  cursor.depth += 1;
  if (cursor.depth > MAX_DEPTH) throw new Unusual();
  const start = cursor.line + cursor.indent;
  const node = isDash(cursor, start) ? readList(cursor, cursor.indent) : readMap(cursor, cursor.indent, start);
  cursor.depth -= 1;
  return node;
}

function isDash(cursor: Cursor, at: number): boolean {
  if (cursor.text.charCodeAt(at) !== DASH) return false;
  const next = cursor.text.charCodeAt(at + 1);
  return next === SPACE || next === NEWLINE || Number.isNaN(next);
}

function readList(cursor: Cursor, indent: number): ListNode {
  const items: SpecNode[] = [];
  const start = cursor.line + indent;
  let end = start;
  while (cursor.indent === indent && isDash(cursor, cursor.line + indent)) {
    const item = readSimpleItem(cursor, cursor.line + indent) ?? readItem(cursor, indent);
    items.push(item);
    end = item.mark.end;
  }
  if (cursor.indent > indent) throw new Unusual();
  return { kind: 'list', items, mark: mark(cursor, start, end) };
}

function readItem(cursor: Cursor, indent: number): SpecNode {
  const { text } = cursor;
  let at = cursor.line + indent + 1;
  while (text.charCodeAt(at) === SPACE) at++;
  const first = text.charCodeAt(at);
  if (first === NEWLINE || Number.isNaN(first) || first === HASH) return readNested(cursor, at, indent, indent + 1);
  if (isDash(cursor, at)) throw new Unusual();
  if (first === AMPERSAND) return readAnchored(cursor, at, (from) => readAnchoredItem(cursor, from, indent));
  if (keyEnd(cursor, at) === undefined) return readInline(cursor, at, indent);
  cursor.depth += 1;
  if (cursor.depth > MAX_DEPTH) throw new Unusual();
  const made = readMap(cursor, at - cursor.line, at);
  cursor.depth -= 1;
  return made;
}

/** In `- &a key: v` the anchor belongs to the key: left to the full parser. */
function readAnchoredItem(cursor: Cursor, from: number, indent: number): SpecNode {
  let at = from;
  while (cursor.text.charCodeAt(at) === SPACE) at++;
  const first = cursor.text.charCodeAt(at);
  if (first === NEWLINE || Number.isNaN(first) || first === HASH) return readNested(cursor, at, indent, indent + 1);
  if (isDash(cursor, at) || keyEnd(cursor, at) !== undefined) throw new Unusual();
  return readInline(cursor, at, indent);
}

/** Nothing on the rest of the line: a block that is indented by at least `least`, or null. */
function readNested(cursor: Cursor, at: number, indent: number, least: number): SpecNode {
  const end = endOfLine(cursor, at);
  advance(cursor, end + 1);
  if (cursor.indent >= least) return readBlock(cursor, least - 1);
  if (cursor.indent > indent) throw new Unusual();
  return scalarAt(cursor, null, at, at, '');
}

function readMap(cursor: Cursor, indent: number, first: number): MapNode {
  const entries = new Map<string, Entry>();
  let at = first;
  let end = first;
  let merged: SpecNode | undefined;
  for (;;) {
    const pair = readPair(cursor, at);
    const key = pair === undefined ? readKey(cursor, at) : { name: pair.key, end: at + pair.key.length };
    if (key.isMerge && merged !== undefined) throw new Unusual();
    const value =
      pair === undefined
        ? readValue(cursor, key.end + 1, indent)
        : (pair.value ?? readBelow(cursor, key.end + 1, indent));
    if (key.isMerge) merged = value;
    else addEntry(cursor, entries, key.name, new OwnEntry(cursor.source, at, key.end, value));
    end = Math.max(key.end, value.mark.end);
    if (cursor.indent !== indent) break;
    at = cursor.line + indent;
    if (isDash(cursor, at)) throw new Unusual();
  }
  if (cursor.indent > indent) throw new Unusual();
  if (merged !== undefined) mergeInto(entries, merged);
  return { kind: 'map', entries, mark: mark(cursor, first, end) };
}

/** Where the key that starts here ends, or undefined where the line holds no key. */
function keyEnd(cursor: Cursor, at: number): number | undefined {
  const { text } = cursor;
  const first = text.charCodeAt(at);
  if (first === 0x22 || first === 0x27) {
    const close = closingQuote(cursor, at);
    return text.charCodeAt(close + 1) === COLON && isBlankAfter(cursor, close + 2) ? close + 1 : undefined;
  }
  // `[a: b]` has no key of the line.
  if (NOT_PLAIN.has(first)) return undefined;
  // Searches of whole lines are native, and far faster than a loop over characters.
  const line = text.slice(at, endOfLine(cursor, at));
  const inner = line.indexOf(': ');
  const end = inner !== -1 ? inner : line.endsWith(':') ? line.length - 1 : -1;
  if (end === -1) return undefined;
  const comment = line.indexOf(' #');
  return comment !== -1 && comment < end ? undefined : at + end;
}

function readKey(cursor: Cursor, at: number): { name: string; end: number; isMerge?: true } {
  const end = keyEnd(cursor, at);
  if (end === undefined || end - at > 1000) throw new Unusual();
  const written = cursor.text.slice(at, end);
  const quote = written[0];
  if (quote === '"' || quote === "'") return { name: quoted(written), end };
  if (written === '<<') return { name: written, end, isMerge: true };
  // Numbers and nulls have a meaning that the full reader explains.
  if (NOT_PLAIN.has(written.charCodeAt(0)) || written.endsWith(' ') || written.includes('\t')) throw new Unusual();
  if (typeof plainScalar(written) !== 'string') throw new Unusual();
  return { name: written, end };
}

function readValue(cursor: Cursor, after: number, indent: number): SpecNode {
  const { text } = cursor;
  let at = after;
  while (text.charCodeAt(at) === SPACE) at++;
  const first = text.charCodeAt(at);
  if (first === AMPERSAND) return readAnchored(cursor, at, (from) => readValue(cursor, from, indent));
  if (first !== NEWLINE && first !== HASH && !Number.isNaN(first)) return readInline(cursor, at, indent);
  if (first === HASH && at === after) throw new Unusual();
  advance(cursor, endOfLine(cursor, at) + 1);
  return readBelow(cursor, after, indent);
}

/** The value of a key that has nothing after it on its line; the cursor is at the next. */
function readBelow(cursor: Cursor, after: number, indent: number): SpecNode {
  // A list may stand at the indentation of its key.
  if (cursor.indent === indent && isDash(cursor, cursor.line + indent)) return readList(cursor, indent);
  if (cursor.indent > indent) return readBlock(cursor, indent);
  return scalarAt(cursor, null, after, after, '');
}

/** A value that begins on this line. */
function readInline(cursor: Cursor, at: number, indent: number): SpecNode {
  const first = cursor.text[at]!;
  if (first === '"' || first === "'") {
    const close = closingQuote(cursor, at);
    finishLine(cursor, close + 1, indent);
    return scalarAt(cursor, quoted(cursor.text.slice(at, close + 1)), at, close + 1);
  }
  if (first === '[' || first === '{') {
    const read = readFlow(cursor, at, indent);
    finishLine(cursor, read.end, indent);
    return read.node;
  }
  if (first === '*') {
    const read = readAlias(cursor, at);
    finishLine(cursor, read.end, indent);
    return read.node;
  }
  if (first === '|' || first === '>') {
    const read = readLiteral(cursor, at, indent);
    advance(cursor, read.end);
    return read.node;
  }
  return readPlain(cursor, at, indent);
}

function readPlain(cursor: Cursor, at: number, indent: number): ScalarNode {
  const { text } = cursor;
  const line = endOfLine(cursor, at);
  let end = line;
  if (NOT_PLAIN.has(text.charCodeAt(at)) || text.charCodeAt(at) === COLON) throw new Unusual();
  if (isDash(cursor, at)) throw new Unusual();
  const rest = text.slice(at, line);
  const comment = rest.indexOf(' #');
  if (comment !== -1) end = at + comment;
  const said = comment === -1 ? rest : rest.slice(0, comment + 1);
  if (said.includes(': ') || said.endsWith(':') || said.includes('\t')) throw new Unusual();
  while (text.charCodeAt(end - 1) === SPACE) end--;
  advance(cursor, line + 1);
  // Text that goes on on the next line.
  if (cursor.indent > indent) throw new Unusual();
  return plain(cursor, at, end);
}

/** After a quoted or flow value only a comment may follow, and no deeper line. */
function finishLine(cursor: Cursor, after: number, indent: number): void {
  const end = endOfLine(cursor, after);
  if (!/^(?: *| +#.*)$/.test(cursor.text.slice(after, end))) throw new Unusual();
  advance(cursor, end + 1);
  if (cursor.indent > indent) throw new Unusual();
}
