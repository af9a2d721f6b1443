/** What `bind` would object to, for `config -q`: the same shapes, but nothing is made, and values that always fit are not looked at. */
import { bindUlimit, warnChanged } from './bind.ts';
import { bindScalar, fits, type ScalarKind } from './bind-scalar.ts';
import type { Binding } from './binding.ts';
import type { Kind, Shape, Struct } from './shape.ts';
import type { Scalar, SpecNode } from './tree.ts';

type MutablePath = (string | number)[];

/** A shape with only what can go wrong in it. All have the same members, so that the walk is quick. */
interface Check {
  readonly kind: Fallible | undefined;
  /** Of a mapping with keys of its own. */
  readonly fields: ReadonlyMap<string, Check> | undefined;
  /** Of each item of a list. */
  readonly items: Check | undefined;
  /** Of each value of a map. */
  readonly values: Check | undefined;
}

type Infallible = 'text' | 'texts' | 'sorted' | 'command' | 'ssh';
type Fallible = Exclude<Kind, Infallible>;

export function checkStruct(node: SpecNode, struct: Struct, path: MutablePath, binding: Binding): void {
  check(node, checkOf(struct), path, binding);
}

function check(node: SpecNode, { kind, fields, items, values }: Check, path: MutablePath, binding: Binding): void {
  if (kind !== undefined) checkKind(node, kind, path, binding);
  else if (node.kind === 'map') {
    node.entries.forEach(({ value }, key) => {
      const inner = fields === undefined ? values : fields.get(key);
      if (inner !== undefined) checkInside(value, inner, key, path, binding);
    });
  } else if (node.kind === 'list' && items !== undefined) {
    for (let index = 0; index < node.items.length; index++)
      checkInside(node.items[index]!, items, index, path, binding);
  }
}

function checkInside(node: SpecNode, inner: Check, step: string | number, path: MutablePath, binding: Binding): void {
  path.push(step);
  check(node, inner, path, binding);
  path.pop();
}

function checkKind(node: SpecNode, kind: Fallible, path: MutablePath, binding: Binding): void {
  if (kind === 'pairs' || kind === 'pairs?') checkPairs(node, path, binding);
  else if (kind !== 'ulimit') checkScalar(node, kind, path, binding);
  else if (node.kind === 'map') bindUlimit(node, path, binding);
  else checkScalar(node, 'int?', path, binding);
}

/** What has fitted once fits again: a thousand services have a dozen different limits. */
const fitting = new Map<ScalarKind, Set<Scalar>>();

function checkScalar(node: SpecNode, kind: ScalarKind, path: MutablePath, binding: Binding): void {
  if (node.kind !== 'scalar') return;
  const known = fitting.get(kind) ?? new Set();
  if (known.has(node.value)) return;
  fitting.set(kind, known);
  // How a number is written may matter.
  if (node.raw === undefined && fits(node, kind)) known.add(node.value);
  else bindScalar(node, kind, path, binding);
}

function checkPairs(node: SpecNode, path: MutablePath, binding: Binding): void {
  if (node.kind !== 'map') return;
  node.entries.forEach(({ value }, key) => {
    if (value.kind === 'scalar' && typeof value.value === 'number') warnChanged(value, [...path, key], binding);
  });
}

const NOTHING: Check = { kind: undefined, fields: undefined, items: undefined, values: undefined };
const prepared = new WeakMap<Struct, Check>();

function checkOf(struct: Struct): Check {
  let made = prepared.get(struct);
  if (made === undefined) {
    const fields = new Map<string, Check>();
    for (const [key, shape] of Object.entries(struct.fields)) {
      const inner = fallible(shape);
      if (inner !== undefined) fields.set(key, inner);
    }
    made = { ...NOTHING, fields };
    prepared.set(struct, made);
  }
  return made;
}

/** undefined: nothing in it can go wrong. */
function fallible(shape: Shape): Check | undefined {
  if (typeof shape === 'string') return isInfallible(shape) ? undefined : { ...NOTHING, kind: shape };
  if ('struct' in shape) {
    const made = checkOf(shape.struct);
    return made.fields!.size > 0 ? made : undefined;
  }
  const inner = fallible('listOf' in shape ? shape.listOf : shape.mapOf);
  return inner && { ...NOTHING, ['listOf' in shape ? 'items' : 'values']: inner };
}

const INFALLIBLE: ReadonlySet<Kind> = new Set<Infallible>(['text', 'texts', 'sorted', 'command', 'ssh']);

function isInfallible(kind: Kind): kind is Infallible {
  return INFALLIBLE.has(kind);
}
