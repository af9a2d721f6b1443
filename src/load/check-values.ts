/** What `bind` would object to, for `config -q`: the same shapes, but nothing is made, and values that always fit are not looked at. */
import { bindUlimit, warnChanged } from './bind.ts';
import { bindScalar } from './bind-scalar.ts';
import type { Binding } from './binding.ts';
import type { Kind, Shape, Struct } from './shape.ts';
import type { SpecNode } from './tree.ts';

type MutablePath = (string | number)[];

export function checkStruct(node: SpecNode, struct: Struct, path: MutablePath, binding: Binding): void {
  if (node.kind !== 'map') return;
  const fields = fallibleOf(struct);
  node.entries.forEach(({ value }, key) => {
    const shape = fields.get(key);
    if (shape !== undefined) checkInside(value, shape, key, path, binding);
  });
}

function check(node: SpecNode, shape: Shape, path: MutablePath, binding: Binding): void {
  if (typeof shape === 'string') checkKind(node, shape, path, binding);
  else if ('struct' in shape) checkStruct(node, shape.struct, path, binding);
  else if (node.kind === 'list' && 'listOf' in shape) {
    for (let index = 0; index < node.items.length; index++)
      checkInside(node.items[index]!, shape.listOf, index, path, binding);
  } else if (node.kind === 'map' && 'mapOf' in shape) {
    node.entries.forEach(({ value }, key) => {
      checkInside(value, shape.mapOf, key, path, binding);
    });
  }
}

function checkInside(node: SpecNode, shape: Shape, step: string | number, path: MutablePath, binding: Binding): void {
  path.push(step);
  check(node, shape, path, binding);
  path.pop();
}

function checkKind(node: SpecNode, kind: Kind, path: MutablePath, binding: Binding): void {
  if (isInfallible(kind)) return;
  if (kind === 'pairs' || kind === 'pairs?') checkPairs(node, path, binding);
  else if (kind === 'ulimit' && node.kind === 'map') bindUlimit(node, path, binding);
  else if (node.kind === 'scalar') bindScalar(node, kind === 'ulimit' ? 'int?' : kind, path, binding);
}

function checkPairs(node: SpecNode, path: MutablePath, binding: Binding): void {
  if (node.kind !== 'map') return;
  node.entries.forEach(({ value }, key) => {
    if (value.kind === 'scalar' && typeof value.value === 'number') warnChanged(value, [...path, key], binding);
  });
}

type Infallible = 'text' | 'texts' | 'sorted' | 'command' | 'ssh';
const INFALLIBLE: ReadonlySet<Kind> = new Set<Infallible>(['text', 'texts', 'sorted', 'command', 'ssh']);

function isInfallible(kind: Kind): kind is Infallible {
  return INFALLIBLE.has(kind);
}

const prepared = new WeakMap<Struct, ReadonlyMap<string, Shape>>();

function fallibleOf(struct: Struct): ReadonlyMap<string, Shape> {
  let made = prepared.get(struct);
  if (made === undefined) {
    made = new Map(Object.entries(struct.fields).filter(([, shape]) => isFallible(shape)));
    prepared.set(struct, made);
  }
  return made;
}

function isFallible(shape: Shape): boolean {
  if (typeof shape === 'string') return !isInfallible(shape);
  if ('struct' in shape) return fallibleOf(shape.struct).size > 0;
  return isFallible('listOf' in shape ? shape.listOf : shape.mapOf);
}
