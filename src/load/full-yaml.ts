/** Text to located trees, one per YAML document: anchors, merge keys and tags resolved, duplicate keys reported. */
import {
  type Alias,
  type Document,
  isAlias,
  isSeq,
  type Node,
  type Pair,
  parseAllDocuments,
  visit,
  type YAMLMap,
  type YAMLSeq,
  type Scalar as YamlScalar,
} from 'yaml';
import type { Findings } from './findings.ts';
import { parseLeniently } from './lenient-yaml.ts';
import { MAX_ALIASED, MAX_DEPTH } from './limits.ts';
import { plainScalar } from './plain-scalar.ts';
import { tooManyAliased } from './quick-anchors.ts';
import { noteRepeat, type Repeats, reportRepeats } from './repeats.ts';
import {
  clone,
  countNodes,
  type Entry,
  type ListNode,
  type MapNode,
  type Mark,
  type SourceText,
  type SpecNode,
} from './tree.ts';
import { wordsFor } from './yaml-words.ts';

interface Reading {
  readonly source: SourceText;
  readonly findings: Findings;
  readonly anchors: Map<string, { node?: SpecNode; mark: Mark }>;
  readonly repeats: Repeats;
  expanded: number;
}

/** Thrown to leave a hopeless document; already reported. */
class Hopeless extends Error {}

export function parseYamlFully(source: SourceText, findings: Findings): SpecNode[] {
  const tags = ['!reset', '!override'].flatMap((tag) => [
    { tag, resolve: (text: string) => text },
    { tag, collection: 'map' as const },
    { tag, collection: 'seq' as const },
  ]);
  const options = { schema: 'failsafe', uniqueKeys: false, customTags: tags, logLevel: 'silent' } as const;
  let documents: Document.Parsed[];
  try {
    const parsed = parseAllDocuments(source.text, options);
    documents = Array.isArray(parsed) ? parsed : [];
    // Only then: where a quote is missing, the strict reading knows the line.
    if (!documents.every(isWhole)) {
      const lenient = parseLeniently(source.text, options);
      if (lenient.every(isWhole)) documents = lenient;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    findings.error('too-deep', 'the file is nested too deeply to be read', { source, start: 0, end: 0 });
    return [];
  }
  const trees: SpecNode[] = [];
  for (const document of documents) {
    const broken = document.errors[0];
    if (broken !== undefined) {
      reportSyntax(broken, document, source, findings);
      continue;
    }
    if (document.contents === null) continue;
    const repeats: Repeats = new Map();
    try {
      trees.push(read(document.contents, { source, findings, anchors: new Map(), repeats, expanded: 0 }, 0));
    } catch (error) {
      if (!(error instanceof Hopeless)) throw error;
    }
    reportRepeats(repeats, findings);
  }
  return trees;
}

function reportSyntax(
  broken: Document.Parsed['errors'][number],
  document: Document.Parsed,
  source: SourceText,
  findings: Findings,
): void {
  const [start, end] = broken.pos;
  if (/call stack/.test(broken.message)) {
    findings.error('too-deep', 'the file is nested too deeply to be read', { source, start, end: start });
    return;
  }
  const isTab = /^ *\t/.test(source.text.slice(source.text.lastIndexOf('\n', start - 1) + 1, start + 1));
  const { what, help } = wordsFor(isTab ? 'TAB_AS_INDENT' : broken.code, broken.message);
  const opening = broken.code === 'MISSING_CHAR' && /quote/.test(what) ? openQuote(document, start) : undefined;
  const at = opening ?? start + /^ */.exec(source.text.slice(start, start + 500))![0].length;
  const mark = { source, start: at, end: opening === undefined ? Math.max(end, at + 1) : at + 1 };
  findings.error('yaml-syntax', `not valid YAML: ${what}`, mark, {
    help,
    label: opening === undefined ? undefined : 'opened here',
  });
}

function isWhole(document: Document.Parsed): boolean {
  return document.errors.length === 0;
}

/** A quote that is missing is noticed at the end of the file; the mistake is where it was opened. */
function openQuote(document: Document.Parsed, before: number): number | undefined {
  let last: number | undefined;
  visit(document, {
    Scalar: (_, node) => {
      const start = node.range?.[0];
      if (node.type?.startsWith('QUOTE') && start !== undefined && start < before) last = Math.max(last ?? 0, start);
    },
  });
  return last;
}

function read(node: Node, reading: Reading, depth: number): SpecNode {
  const mark = markOf(node, reading.source);
  if (depth > MAX_DEPTH) {
    reading.findings.error('too-deep', `the file is nested more than ${MAX_DEPTH} levels deep`, mark);
    throw new Hopeless();
  }
  if (isAlias(node)) return readAlias(node as Alias, mark, reading);
  const anchor = (node as YamlScalar).anchor;
  // Registered before the contents are read: an alias to it from inside is a cycle.
  if (anchor) reading.anchors.set(anchor, { mark });
  const made = readPlain(node, mark, reading, depth);
  const tag = node.tag === '!reset' ? 'reset' : node.tag === '!override' ? 'override' : undefined;
  if (tag) {
    made.tag = tag;
    reading.source.hasTags = true;
  }
  if (anchor) reading.anchors.set(anchor, { node: made, mark });
  return made;
}

function readPlain(node: Node, mark: Mark, reading: Reading, depth: number): SpecNode {
  const found = node as YAMLMap | YAMLSeq | YamlScalar;
  if ('items' in found) {
    return isSeq(found) ? readList(found, mark, reading, depth) : readMap(found as YAMLMap, mark, reading, depth);
  }
  const text = String(found.source ?? found.value ?? '');
  const quoted = found.type !== 'PLAIN' && found.type !== undefined;
  if (node.tag === 'tag:yaml.org,2002:binary')
    return { kind: 'scalar', value: Buffer.from(text, 'base64').toString(), mark };
  if (quoted || node.tag === 'tag:yaml.org,2002:str')
    return { kind: 'scalar', value: String(found.value ?? text), mark };
  const value = plainScalar(text);
  return typeof value === 'string' ? { kind: 'scalar', value, mark } : { kind: 'scalar', value, raw: text, mark };
}

function markOf(node: Node, source: SourceText): Mark {
  const [start, end] = node.range ?? [0, 0, 0];
  return { source, start, end };
}

function readAlias(node: Alias, mark: Mark, reading: Reading): SpecNode {
  const target = reading.anchors.get(node.source);
  if (target === undefined) {
    reading.findings.error(
      'yaml-syntax',
      `not valid YAML: there is no anchor "${node.source}" before this alias`,
      mark,
    );
    throw new Hopeless();
  }
  if (target.node === undefined) {
    reading.findings.error('yaml-syntax', `not valid YAML: the anchor "${node.source}" contains itself`, mark, {
      related: [{ at: target.mark, label: 'the anchor' }],
    });
    throw new Hopeless();
  }
  reading.expanded += countNodes(target.node);
  if (reading.expanded > MAX_ALIASED) throw tooManyAliased(mark);
  return clone(target.node);
}

function readList(node: YAMLSeq, mark: Mark, reading: Reading, depth: number): ListNode {
  return { kind: 'list', mark, items: node.items.map((item) => read(item as Node, reading, depth + 1)) };
}

function readMap(node: YAMLMap, mark: Mark, reading: Reading, depth: number): MapNode {
  const entries = new Map<string, Entry>();
  const merged: SpecNode[] = [];
  for (const pair of node.items as Pair<Node, Node | null>[]) {
    const key = readKey(pair.key, reading);
    const value = pair.value === null ? absent(key.mark) : read(pair.value, reading, depth + 1);
    if (key.isMerge) merged.push(...mergeSources(value, key.mark, reading));
    else if (key.name !== undefined) addEntry(entries, key.name, { key: key.mark, value }, reading);
  }
  // YAML merge key: what is written wins over what is merged, and an earlier source over a later one.
  for (const source of merged) {
    if (source.kind !== 'map') continue;
    for (const [name, entry] of source.entries) if (!entries.has(name)) entries.set(name, entry);
  }
  return { kind: 'map', mark, entries };
}

function absent(key: Mark): SpecNode {
  return { kind: 'scalar', value: null, raw: '', mark: { source: key.source, start: key.end, end: key.end } };
}

function addEntry(entries: Map<string, Entry>, name: string, entry: Entry, reading: Reading): void {
  const earlier = entries.get(name);
  if (earlier === undefined) entries.set(name, entry);
  else noteRepeat(reading.repeats, name, earlier.key, entry.key);
}

function readKey(key: Node | null, reading: Reading): { name?: string; mark: Mark; isMerge?: true } {
  const source = reading.source;
  if (key === null) return { name: '', mark: { source, start: 0, end: 0 } };
  const mark = markOf(key, source);
  const node = read(key, reading, 0);
  if (node.kind !== 'scalar') {
    reading.findings.error('non-string-key', 'a mapping or list cannot be a key', mark);
    return { mark };
  }
  if (node.value === '<<' && (key as YamlScalar).type === 'PLAIN') return { mark, isMerge: true };
  if (typeof node.value === 'string') return { name: node.value, mark };
  const written = node.raw ?? String(node.value);
  reading.findings.error('non-string-key', `the key ${written || '(empty)'} is not a string`, mark, {
    help: `quote it: "${written}"`,
  });
  return { mark };
}

function mergeSources(value: SpecNode, key: Mark, reading: Reading): SpecNode[] {
  const sources = value.kind === 'list' ? value.items : [value];
  const wrong = sources.find((source) => source.kind !== 'map');
  if (wrong === undefined) return sources;
  reading.findings.error('wrong-type', 'the merge key << needs a mapping or a list of mappings', key);
  return [];
}
