/** One scalar to the exact type that its attribute has; texts that came out of a ${VARIABLE} are read as numbers and flags. */
import type { Path } from '../model/source.ts';
import { describePlace } from '../validate/places.ts';
import type { Binding, Json } from './binding.ts';
import type { DiagnosticCode } from './codes.ts';
import { goNumber } from './plain-scalar.ts';
import type { Kind } from './shape.ts';
import type { ScalarNode } from './tree.ts';
import { formatDuration, parseDuration, parseSize } from './units.ts';

export type ScalarKind = Exclude<Kind, 'command' | 'texts' | 'sorted' | 'pairs' | 'pairs?' | 'ssh' | 'ulimit'>;

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  y: true,
  on: true,
  '1': true,
  t: true,
  false: false,
  no: false,
  n: false,
  off: false,
  '0': false,
  f: false,
};

interface Problem {
  readonly code: DiagnosticCode;
  readonly what: string;
  readonly help: string;
}

type Bound = { readonly value: Json; readonly isEmpty: boolean } | Problem;

/** undefined: empty and not worth printing, or reported. */
export function bindScalar(node: ScalarNode, kind: ScalarKind, path: Path, binding: Binding): Json | undefined {
  if (node.value === null) return undefined;
  if (binding.lenient && typeof node.value === 'string' && node.value.includes('$')) return node.value;
  const bound = READERS[kind](node);
  if ('value' in bound) return bound.isEmpty ? undefined : bound.value;
  const written = node.raw ?? String(node.value);
  binding.findings.error(bound.code, `${describePlace(path)}: "${written}" is not ${bound.what}`, node.mark, {
    help: bound.help,
  });
  return undefined;
}

/** A null fits everywhere: it says nothing. */
export function fits(node: ScalarNode, kind: ScalarKind): boolean {
  return node.value === null || 'value' in READERS[kind](node);
}

const READERS: { readonly [K in ScalarKind]: (node: ScalarNode) => Bound } = {
  text: (node) => {
    const value = typeof node.value === 'number' ? goNumber(node.value, node.raw) : String(node.value);
    return { value, isEmpty: value === '' };
  },
  flag: (node) => flag(node, (value) => !value),
  'flag?': (node) => flag(node, () => false),
  optout: (node) => flag(node, (value) => value),
  int: (node) => whole(node, (value) => value === 0),
  'int?': (node) => whole(node, () => false),
  float: (node) => float(node, (value) => value === 0),
  'float?': (node) => float(node, () => false),
  size,
  duration: (node) => duration(node, (value) => value === 0),
  'duration?': (node) => duration(node, () => false),
  mode: (node) => mode(node, (value) => `0${value.toString(8)}`),
  octal: (node) => mode(node, (value) => value),
  count: (node) =>
    String(node.value).toLowerCase() === 'all' ? { value: -1, isEmpty: false } : whole(node, (value) => value === 0),
};

function flag(node: ScalarNode, isEmpty: (value: boolean) => boolean): Bound {
  const value = typeof node.value === 'boolean' ? node.value : BOOLEANS[String(node.value).toLowerCase()];
  if (value === undefined) return { code: 'wrong-type', what: 'true or false', help: 'write true or false' };
  return { value, isEmpty: isEmpty(value) };
}

function numberOf(node: ScalarNode): number | undefined {
  if (typeof node.value === 'number') return node.value;
  const text = String(node.value).trim();
  return /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

function whole(node: ScalarNode, isEmpty: (value: number) => boolean): Bound {
  const value = numberOf(node);
  if (value === undefined || !Number.isInteger(value))
    return { code: 'bad-number', what: 'a whole number', help: 'write digits only, for example 3' };
  return { value, isEmpty: isEmpty(value) };
}

function float(node: ScalarNode, isEmpty: (value: number) => boolean): Bound {
  const value = numberOf(node);
  if (value === undefined || !Number.isFinite(value))
    return { code: 'bad-number', what: 'a number', help: 'write a number, for example 0.5' };
  return { value: single(value), isEmpty: isEmpty(value) };
}

/** The shortest decimal that is the same 32-bit number: Compose keeps these as floats of single precision. */
function single(value: number): number {
  const near = Math.fround(value);
  for (let digits = 1; digits < 10; digits++) {
    const shorter = Number(near.toPrecision(digits));
    if (Math.fround(shorter) === near) return shorter;
  }
  return value;
}

function size(node: ScalarNode): Bound {
  const isFraction = typeof node.value === 'number' && !Number.isInteger(node.value);
  const written = typeof node.value === 'number' ? goNumber(node.value, node.raw) : String(node.value);
  const value = isFraction ? undefined : parseSize(written);
  if (value === undefined)
    return {
      code: 'bad-size',
      what: 'a size',
      help: 'write a whole number of bytes, or a number with a unit: 64m, 1.5gb',
    };
  // All digits of a size that a double cannot hold.
  const text = /^-?\d{16,25}$/.test(written) ? String(BigInt(written)) : value.toFixed(0);
  return { value: text, isEmpty: value === 0 };
}

function duration(node: ScalarNode, isEmpty: (value: number) => boolean): Bound {
  const value = parseDuration(String(node.value));
  if (value === undefined)
    return { code: 'bad-duration', what: 'a duration', help: 'write a number with a unit: 500ms, 30s, 1m30s, 2h' };
  return { value: formatDuration(value), isEmpty: isEmpty(value) };
}

/** A YAML number is already decoded (0440 is octal there); a text is octal. */
function mode(node: ScalarNode, print: (value: number) => Json): Bound {
  const value =
    typeof node.value === 'number'
      ? node.value
      : /^0?o?[0-7]{1,6}$/.test(String(node.value))
        ? Number.parseInt(String(node.value).replace('o', ''), 8)
        : -1;
  if (!Number.isInteger(value) || value < 0)
    return { code: 'bad-mode', what: 'a file mode', help: 'write octal digits in quotes: "0440"' };
  return { value: print(value), isEmpty: value === 0 && print(value) === 0 };
}
