/** Holds a document, as written, against the schema: every mistake gives one message and is then taken out of the tree. */
import type { Findings } from '../load/findings.ts';
import { isNull, type ListNode, type MapNode, nearest, type ScalarNode, type SpecNode } from '../load/tree.ts';
import type { Path } from '../model/source.ts';
import { nearestOf } from './did-you-mean.ts';
import { describePlace } from './places.ts';
import { branchFor, type JsonType, type Schema } from './schema.ts';
import { missingKey, unknownKey, wrongType } from './schema-messages.ts';

/** One array for the whole walk: a path is only needed for a message. */
type MutablePath = (string | number)[];

interface Checking {
  readonly findings: Findings;
  /** `config --no-interpolate`: values that still hold a ${…} may be anything. */
  readonly lenient: boolean;
  /** What another file may still fill in; without it such things are mistakes at once. */
  readonly open: OpenQuestion[] | undefined;
}

/** An empty value where none may be, or a mapping without a key that it needs. */
export interface OpenQuestion {
  readonly path: Path;
  readonly schema: Schema;
  readonly missing?: string;
}

/** false: the node itself is unusable and was reported. */
export function checkSchema(node: SpecNode, schema: Schema, path: MutablePath, checking: Checking): boolean {
  if (node.tag === 'reset') return true;
  const type = jsonType(node);
  const branch = branchFor(schema, type);
  if (branch === undefined) {
    if (checking.lenient && isUnresolved(node)) return true;
    if (type === 'null' && checking.open !== undefined && !isInList(path)) {
      checking.open.push({ path: [...path], schema });
      return true;
    }
    wrongType(node, type, schema, path, checking.findings);
    return false;
  }
  if (node.kind === 'map') checkMap(node, branch, path, checking);
  else if (node.kind === 'list') checkList(node, branch, path, checking);
  else return checkScalar(node, branch, path, checking);
  return true;
}

/** Once all files are merged: what is still open is wrong. */
export function checkOpen(model: SpecNode, open: readonly OpenQuestion[], findings: Findings): void {
  for (const { path, schema, missing } of open) {
    const { found, node, mark } = nearest(model, path);
    if (!found) continue;
    if (missing === undefined) {
      if (!isNull(node)) continue;
      wrongType({ ...node, mark }, 'null', schema, path, findings);
      remove(model, path);
    } else if (node.kind === 'map' && !node.damaged && !node.entries.has(missing))
      missingKey(node, missing, schema, path, findings);
  }
}

/** What was reported says nothing more. */
function remove(model: SpecNode, path: Path): void {
  const { node } = nearest(model, path.slice(0, -1));
  if (node.kind !== 'map') return;
  node.entries.delete(String(path.at(-1)));
  node.damaged = true;
}

/** Items of lists are never merged with others: what they lack, they lack. */
function isInList(path: Path): boolean {
  return path.some((step) => typeof step === 'number');
}

function isUnresolved(node: SpecNode): boolean {
  return node.kind === 'scalar' && typeof node.value === 'string' && node.value.includes('$');
}

function jsonType(node: SpecNode): JsonType {
  if (node.kind === 'map') return 'object';
  if (node.kind === 'list') return 'array';
  if (node.value === null) return 'null';
  if (typeof node.value === 'number') return Number.isInteger(node.value) ? 'integer' : 'number';
  return typeof node.value === 'boolean' ? 'boolean' : 'string';
}

function checkMap(node: MapNode, schema: Schema, path: MutablePath, checking: Checking): void {
  for (const [key, entry] of node.entries) {
    const inner = schemaOfKey(schema, key);
    if (inner === undefined) unknownKey(node, key, entry, schema, path, checking.findings);
    else if (inner === true || checkInner(entry.value, inner, key, path, checking)) continue;
    node.entries.delete(key);
    node.damaged = true;
  }
  if (schema.required.length > 0 && !node.damaged) checkRequired(node, schema, path, checking);
}

function checkRequired(node: MapNode, schema: Schema, path: Path, checking: Checking): void {
  for (const key of schema.required) {
    if (node.entries.has(key)) continue;
    if (checking.open === undefined || isInList(path)) missingKey(node, key, schema, path, checking.findings);
    else checking.open.push({ path: [...path], schema, missing: key });
  }
}

function checkInner(
  node: SpecNode,
  schema: Schema,
  step: string | number,
  path: MutablePath,
  checking: Checking,
): boolean {
  path.push(step);
  const isRight = checkSchema(node, schema, path, checking);
  path.pop();
  return isRight;
}

function schemaOfKey(schema: Schema, key: string): Schema | true | undefined {
  const known = schema.properties.get(key);
  if (known !== undefined) return known;
  const pattern = schema.patterns.find(([regex]) => regex.test(key));
  if (pattern !== undefined) return pattern[1].types.size === 0 && pattern[1].branches.length === 0 ? true : pattern[1];
  if (schema.additional === false) return undefined;
  return schema.additional;
}

function checkList(node: ListNode, schema: Schema, path: MutablePath, checking: Checking): void {
  const { items } = schema;
  if (items === undefined) return;
  const kept = node.items.filter((item, index) => checkInner(item, items, index, path, checking));
  if (kept.length < node.items.length) node.damaged = true;
  node.items = schema.source.uniqueItems ? withoutRepeats(kept, path, checking.findings) : kept;
}

function withoutRepeats(items: readonly SpecNode[], path: Path, findings: Findings): SpecNode[] {
  const first = new Map<unknown, SpecNode>();
  return items.filter((item) => {
    const value = item.kind === 'scalar' ? item.value : item;
    const earlier = first.get(value);
    if (earlier === undefined) {
      first.set(value, item);
      return true;
    }
    findings.error('duplicate-item', `${describePlace(path)} has "${String(value)}" twice`, item.mark, {
      help: 'remove one of the two',
      related: [{ at: earlier.mark, label: 'the first' }],
    });
    return false;
  });
}

function checkScalar(node: ScalarNode, schema: Schema, path: Path, checking: Checking): boolean {
  const { source, pattern } = schema;
  const { value } = node;
  if (checking.lenient && isUnresolved(node)) return true;
  if (source.enum !== undefined && !source.enum.includes(String(value))) {
    const close = nearestOf(String(value), source.enum);
    checking.findings.error('bad-value', `${describePlace(path)} cannot be "${String(value)}"`, node.mark, {
      help: close === undefined ? `it is one of: ${source.enum.join(', ')}` : `did you mean "${close}"?`,
    });
    return false;
  }
  if (pattern !== undefined && !pattern.test(String(value))) {
    checking.findings.error('bad-value', `${describePlace(path)} cannot be "${String(value)}"`, node.mark, {
      help: (source.$comment ?? schema.description)?.replace(/\.$/, '').replace(/^./, (first) => first.toLowerCase()),
    });
    return false;
  }
  return checkRange(node, schema, path, checking.findings);
}

function checkRange(node: ScalarNode, schema: Schema, path: Path, findings: Findings): boolean {
  const { minimum, maximum } = schema.source;
  if (minimum === undefined && maximum === undefined) return true;
  const value = Number(node.value);
  const isBelow = minimum !== undefined && value < minimum;
  const isAbove = maximum !== undefined && value > maximum;
  if (!isBelow && !isAbove) return true;
  const range = maximum === undefined ? `${minimum} or more` : `${minimum} to ${maximum}`;
  findings.error('bad-number', `${describePlace(path)} cannot be ${value}`, node.mark, { help: `it is ${range}` });
  return false;
}
