/** The located tree: YAML data in which every node knows where it was written, through merge, extends and include. */
import type { Path, SourceRange } from '../model/source.ts';

/** A file's text, and where its lines begin (computed when a position is first asked for). */
export interface SourceText {
  /** Absolute path, or `-` for standard input. */
  readonly file: string;
  /** What people know it by, where it was fetched from afar. */
  readonly name?: string;
  readonly text: string;
  lineStarts?: readonly number[];
  /** It holds `!reset` or `!override`, or takes over values of a file that does. */
  hasTags?: true;
  /** How many values its services have taken over by `extends`. */
  extended?: number;
  /** How many items it has that may be written in short. */
  shortForms?: number;
  /** How many its port ranges have come to. */
  ports?: number;
}

/** Offsets into a text: cheap to make for every node; lines and columns are computed only for messages. */
export interface Mark {
  readonly source: SourceText;
  readonly start: number;
  readonly end: number;
}

export type Scalar = string | number | boolean | null;

interface Located {
  mark: Mark;
  /** `!reset` and `!override`: what the node does to the value below it. */
  tag?: 'reset' | 'override';
  /** The values that this one replaced, latest first. */
  was?: readonly SpecNode[];
  /** Only what a short form implies: never overrides what was written. */
  implied?: true;
  /** Something inside was reported and taken out: absence proves nothing here. */
  damaged?: true;
}

export interface ScalarNode extends Located {
  kind: 'scalar';
  value: Scalar;
  /** As written, for a plain scalar: `0440`, `1.10`. */
  raw?: string;
}

export interface MapNode extends Located {
  kind: 'map';
  entries: Map<string, Entry>;
}

export interface ListNode extends Located {
  kind: 'list';
  items: SpecNode[];
  /** Made from a command of which a part was left out: it begins with `from`. */
  cut?: { readonly from: string; readonly mark: Mark };
}

export interface Entry {
  key: Mark;
  value: SpecNode;
}

export type SpecNode = ScalarNode | MapNode | ListNode;

/** A node made by a rule rather than written: it points at what it was made from. */
export function scalar(value: Scalar, mark: Mark): ScalarNode {
  return { kind: 'scalar', value, mark };
}

export function map(mark: Mark, entries?: Iterable<readonly [string, Entry]>): MapNode {
  return { kind: 'map', entries: new Map(entries), mark };
}

export function list(items: SpecNode[], mark: Mark): ListNode {
  return { kind: 'list', items, mark };
}

/** A map whose values are all made from one place. */
export function record(mark: Mark, values: Readonly<Record<string, SpecNode | Scalar | undefined>>): MapNode {
  const made = map(mark);
  for (const key in values) {
    const value = values[key];
    if (value === undefined) continue;
    made.entries.set(key, { key: mark, value: isNode(value) ? value : scalar(value, mark) });
  }
  return made;
}

function isNode(value: SpecNode | Scalar): value is SpecNode {
  return typeof value === 'object' && value !== null;
}

export function child(node: SpecNode | undefined, key: string): SpecNode | undefined {
  return node?.kind === 'map' ? node.entries.get(key)?.value : undefined;
}

export function childMap(node: SpecNode | undefined, key: string): MapNode | undefined {
  const found = child(node, key);
  return found?.kind === 'map' ? found : undefined;
}

export function childList(node: SpecNode | undefined, key: string): ListNode | undefined {
  const found = child(node, key);
  return found?.kind === 'list' ? found : undefined;
}

/** The text of a scalar child; numbers as written in decimal. */
export function childText(node: SpecNode | undefined, key: string): string | undefined {
  const found = child(node, key);
  return found?.kind === 'scalar' && found.value !== null ? String(found.value) : undefined;
}

export function isNull(node: SpecNode | undefined): boolean {
  return node?.kind === 'scalar' && node.value === null;
}

/** Entries of a map of maps or nulls: services, networks … */
export function entriesOf(node: SpecNode | undefined): readonly (readonly [string, SpecNode, Mark])[] {
  const found: [string, SpecNode, Mark][] = [];
  if (node?.kind !== 'map') return found;
  node.entries.forEach((entry, name) => {
    found.push([name, entry.value, entry.key]);
  });
  return found;
}

export function clone<N extends SpecNode>(node: N): N {
  if (node.kind === 'scalar') return { ...node };
  if (node.kind === 'list') return { ...node, items: node.items.map(clone) };
  const entries = new Map<string, Entry>();
  for (const [key, entry] of node.entries) entries.set(key, { key: entry.key, value: clone(entry.value) });
  return { ...node, entries };
}

export function countNodes(node: SpecNode): number {
  let count = 1;
  if (node.kind === 'list') for (const item of node.items) count += countNodes(item);
  if (node.kind === 'map') for (const entry of node.entries.values()) count += countNodes(entry.value);
  return count;
}

/** The node at a path, or the nearest parent that exists. */
export function nearest(root: SpecNode, path: Path): { mark: Mark; node: SpecNode; found: boolean } {
  let node = root;
  let mark = root.mark;
  for (const step of path) {
    if (node.kind === 'map') {
      const entry = node.entries.get(String(step));
      if (entry === undefined) return { mark, node, found: false };
      node = entry.value;
      // An absent value (`data:`) has an empty range: its key is the better place to point at.
      mark = node.mark.end > node.mark.start ? node.mark : entry.key;
    } else if (node.kind === 'list' && typeof step === 'number' && node.items[step] !== undefined) {
      node = node.items[step];
      mark = node.mark;
    } else return { mark, node, found: false };
  }
  return { mark, node, found: true };
}

export function rangeOf(mark: Mark): SourceRange {
  const { file, name } = mark.source;
  const start = positionAt(mark.source, mark.start);
  // Standard input cannot be read again to show the line.
  const shown = file === '-' ? { shown: lineAt(mark.source, start.line) } : {};
  const range = { start, end: positionAt(mark.source, mark.end), ...shown };
  return name === undefined ? { file, ...range } : { file: name, copy: file, ...range };
}

function lineAt({ text, lineStarts }: SourceText, line: number): string {
  const begin = lineStarts![line - 1]!;
  return text.slice(begin, lineStarts![line] ?? text.length).trimEnd();
}

function positionAt(source: SourceText, offset: number): { line: number; column: number } {
  source.lineStarts ??= lineStartsOf(source.text);
  let low = 0;
  let high = source.lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (source.lineStarts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - source.lineStarts[low]! + 1 };
}

function lineStartsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** The part of a node's text in which `part` is written, for a marker under the very variable or port; else the whole node. */
export function within(mark: Mark, part: string): Mark {
  if (part === '') return mark;
  const at = mark.source.text.slice(mark.start, mark.end).indexOf(part);
  return at === -1 ? mark : { source: mark.source, start: mark.start + at, end: mark.start + at + part.length };
}
