/** The merged tree to plain JSON of exact types, as shapes.ts lays down; a value that does not fit is reported where it stands. */
import type { Path } from '../model/source.ts';
import { describePlace } from '../validate/places.ts';
import { bindScalar } from './bind-scalar.ts';
import type { Binding, Json } from './binding.ts';
import { goNumber } from './plain-scalar.ts';
import type { Kind, Shape, Struct } from './shape.ts';
import type { MapNode, ScalarNode, SpecNode } from './tree.ts';

/** One array for the whole walk: a path is only needed for a message. */
type MutablePath = (string | number)[];

export function bindStruct(
  node: SpecNode | undefined,
  struct: Struct,
  path: MutablePath,
  binding: Binding,
): Record<string, Json> {
  const made: Record<string, Json> = {};
  const entries = node?.kind === 'map' ? node.entries : NO_ENTRIES;
  for (const field of fieldsIn(entries, struct)) {
    path.push(field.key);
    const bound = bind(entries.get(field.key)?.value, field.shape, path, binding);
    path.pop();
    if (bound !== undefined) made[field.key] = bound;
  }
  if (!binding.extensions && path.length > 0) return made;
  for (const [key, entry] of entries) if (key.startsWith('x-')) made[key] = plain(entry.value);
  return made;
}

const NO_ENTRIES: MapNode['entries'] = new Map();

interface Field {
  readonly key: string;
  readonly shape: Shape;
  /** Where it is printed. */
  readonly place: number;
}

/** By key: a service has a dozen of the ninety that it might have. */
interface Fields {
  readonly all: ReadonlyMap<string, Field>;
  /** Printed by Compose's JSON even where the file says nothing. */
  readonly always: readonly Field[];
}

function fieldsIn(entries: MapNode['entries'], struct: Struct): readonly Field[] {
  const { all, always } = fieldsOf(struct);
  const found = always.filter(({ key }) => !entries.has(key));
  for (const key of entries.keys()) {
    const field = all.get(key);
    if (field !== undefined) found.push(field);
  }
  return found.length < 2 ? found : found.sort((a, b) => a.place - b.place);
}

const prepared = new WeakMap<Struct, Fields>();

function fieldsOf(struct: Struct): Fields {
  let made = prepared.get(struct);
  if (made === undefined) {
    const fields = Object.entries(struct.fields).map(([key, shape], place) => ({ key, shape, place }));
    made = {
      all: new Map(fields.map((field) => [field.key, field])),
      always: fields.filter(({ shape }) => shape === 'command' || isAlwaysStruct(shape)),
    };
    prepared.set(struct, made);
  }
  return made;
}

function isAlwaysStruct(shape: Shape): boolean {
  return typeof shape === 'object' && 'struct' in shape && shape.struct.empty === 'always';
}

/** undefined: nothing worth keeping. */
function bind(node: SpecNode | undefined, shape: Shape, path: MutablePath, binding: Binding): Json | undefined {
  if (typeof shape === 'string') return bindKind(node, shape, path, binding);
  if ('struct' in shape) return bindInner(node, shape.struct, path, binding);
  if (node === undefined) return undefined;
  if ('listOf' in shape) {
    const items = node.kind === 'list' ? node.items : [];
    const made = items.map((item, index) => {
      path.push(index);
      const bound = bindItem(item, shape.listOf, path, binding);
      path.pop();
      return bound;
    });
    return made.length === 0 ? undefined : made;
  }
  return bindMap(node, shape, path, binding);
}

function bindInner(node: SpecNode | undefined, struct: Struct, path: MutablePath, binding: Binding): Json | undefined {
  const isAbsent = node === undefined || (node.kind === 'scalar' && node.value === null);
  if (isAbsent && !(struct.empty === 'always' && binding.always)) return undefined;
  if (node?.kind === 'scalar' && node.value !== null) return binding.lenient ? plain(node) : undefined;
  const made = bindStruct(node, struct, path, binding);
  const isEmpty = Object.keys(made).length === 0;
  if (isEmpty && struct.empty === 'always') return binding.always ? made : undefined;
  return isEmpty && struct.empty === undefined ? undefined : made;
}

/** An item keeps its place, however empty. */
function bindItem(item: SpecNode, shape: Shape, path: MutablePath, binding: Binding): Json {
  return bind(item, shape, path, binding) ?? (typeof shape === 'object' && 'struct' in shape ? {} : null);
}

function bindMap(
  node: SpecNode,
  shape: { mapOf: Shape; nulls?: true },
  path: MutablePath,
  binding: Binding,
): Json | undefined {
  if (node.kind !== 'map' || node.entries.size === 0) return undefined;
  const made: Record<string, Json> = {};
  for (const key of [...node.entries.keys()].sort(byText)) {
    const { value } = node.entries.get(key)!;
    path.push(key);
    define(made, key, bind(value, shape.mapOf, path, binding) ?? (shape.nulls ? null : {}));
    path.pop();
  }
  return made;
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A user's key may be `__proto__`: assigning it would not make a property. */
export function define<T>(target: Record<string, T>, key: string, value: T): void {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function bindKind(node: SpecNode | undefined, kind: Kind, path: MutablePath, binding: Binding): Json | undefined {
  if (kind === 'command') return bindCommand(node, binding);
  if (node === undefined || (node.kind === 'scalar' && node.value === null)) return undefined;
  switch (kind) {
    case 'texts':
    case 'sorted':
      return bindTexts(node, kind, path, binding);
    case 'pairs':
    case 'pairs?':
      return bindPairs(node, kind, path, binding);
    case 'ssh':
      return bindSsh(node, binding);
    case 'ulimit':
      return node.kind === 'map'
        ? bindUlimit(node, path, binding)
        : bindScalar(node as ScalarNode, 'int?', path, binding);
    default:
      return node.kind === 'scalar' ? bindScalar(node, kind, path, binding) : undefined;
  }
}

function bindCommand(node: SpecNode | undefined, binding: Binding): Json | undefined {
  if (node?.kind === 'list') return node.items.map((item) => textOf(item));
  if (node?.kind === 'scalar' && node.value !== null && binding.lenient) return plain(node);
  return binding.always ? null : undefined;
}

function bindTexts(node: SpecNode, kind: 'texts' | 'sorted', path: MutablePath, binding: Binding): Json | undefined {
  if (node.kind !== 'list') return binding.lenient ? plain(node) : undefined;
  const items = node.items.filter((item) => item.kind === 'scalar').map((item) => textOf(item));
  if (kind === 'sorted') items.sort(byText);
  if (path.at(-1) === 'dns') return nonEmpty(items.filter((item) => item !== ''));
  return nonEmpty(items);
}

function nonEmpty(items: string[]): Json | undefined {
  return items.length === 0 ? undefined : items;
}

function bindPairs(node: SpecNode, kind: 'pairs' | 'pairs?', path: MutablePath, binding: Binding): Json | undefined {
  if (node.kind !== 'map') return undefined;
  if (node.entries.size === 0) return undefined;
  const made: Record<string, Json> = {};
  for (const key of [...node.entries.keys()].sort(byText)) {
    const { value } = node.entries.get(key)!;
    if (value.kind !== 'scalar') continue;
    define(made, key, value.value === null ? (kind === 'pairs' ? '' : null) : textOf(value));
    if (typeof value.value === 'number') warnChanged(value, [...path, key], binding);
  }
  return made;
}

/** `VERSION: 1.10` becomes "1.1": what Compose does, and what nobody means. */
export function warnChanged(node: ScalarNode, path: Path, { findings }: Pick<Binding, 'findings'>): void {
  if (typeof node.value !== 'number' || node.raw === undefined) return;
  const text = textOf(node);
  if (text === node.raw) return;
  findings.warn(
    'number-changed',
    `${describePlace(path)} is the number ${text}, not the text "${node.raw}"`,
    node.mark,
    {
      help: `for the text, quote it: "${node.raw}"`,
    },
  );
}

function bindSsh(node: SpecNode, binding: Binding): Json | undefined {
  if (node.kind !== 'map') return binding.lenient ? plain(node) : undefined;
  return nonEmpty(
    [...node.entries].map(([id, { value }]) =>
      value.kind === 'scalar' && value.value !== null ? `${id}=${textOf(value)}` : id,
    ),
  );
}

export function bindUlimit(node: MapNode, path: MutablePath, binding: Binding): Json {
  const made: Record<string, Json> = {};
  for (const key of ['soft', 'hard']) {
    const value = node.entries.get(key)?.value;
    if (value?.kind === 'scalar') made[key] = bindScalar(value, 'int?', [...path, key], binding) ?? 0;
  }
  return made;
}

export function textOf(node: SpecNode): string {
  if (node.kind !== 'scalar' || node.value === null) return '';
  return typeof node.value === 'number' ? goNumber(node.value, node.raw) : String(node.value);
}

export function plain(node: SpecNode): Json {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plain);
  const made: Record<string, Json> = {};
  // Every value of a file comes by here: forEach is the quickest way through a Map for code that has not run for long.
  node.entries.forEach((entry, key) => {
    define(made, key, plain(entry.value));
  });
  return made;
}
