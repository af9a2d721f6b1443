/** The functions that templates of `--format` may call: those that the docker CLI has, in Go's sense of them. */

/** Throws a text where it is called in a way that does not fit. */
type Fn = (...values: readonly unknown[]) => unknown;

const size = (value: unknown): number => {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length;
  throw `len of ${typeName(value)}`;
};

const typeName = (value: unknown): string => (value === null || value === undefined ? 'nothing' : typeof value);

/** Go's idea of empty: false, 0, nothing, and what has no members. */
export const isTrue = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
};

/** As fmt prints with %v: lists in brackets, maps by key. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return '<no value>';
  if (Array.isArray(value)) return `[${value.map(shown).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, one]) => `${key}:${shown(one)}`).join(' ')}]`;
}

/** Keys in order, and no HTML in it: as Go's encoder writes for Docker. */
function json(value: unknown): string {
  return JSON.stringify(value ?? null, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw `wants a string, not ${typeName(value)}`;
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw `wants a list, not ${typeName(value)}`;
}

function order(a: unknown, b: unknown): number {
  if (typeof a !== typeof b || (typeof a !== 'number' && typeof a !== 'string'))
    throw `cannot compare ${typeName(a)} with ${typeName(b)}`;
  return a < (b as typeof a) ? -1 : a > (b as typeof a) ? 1 : 0;
}

function equal(a: unknown, b: unknown): boolean {
  if (typeof a === typeof b || a === null || b === null) return a === b;
  throw `cannot compare ${typeName(a)} with ${typeName(b)}`;
}

function index(value: unknown, ...keys: readonly unknown[]): unknown {
  return keys.reduce((inner, key) => {
    if (Array.isArray(inner)) {
      if (typeof key !== 'number' || !(key in inner)) throw `index out of range: ${shown(key)}`;
      return inner[key];
    }
    if (typeof inner === 'object' && inner !== null) {
      // A key that a map of texts does not have is the empty text.
      return Object.hasOwn(inner, String(key)) ? (inner as Record<string, unknown>)[String(key)] : '';
    }
    if (typeof inner === 'string' && typeof key === 'number') return Buffer.from(inner)[key];
    throw `cannot index ${typeName(inner)}`;
  }, value);
}

/** %s %d %q %v %t %x %%, with width and a minus sign. */
function printf(format: unknown, ...values: readonly unknown[]): string {
  const rest = [...values];
  const made = text(format).replace(/%(-?)(0?)(\d*)(?:\.(\d+))?([a-zA-Z%])/g, (whole, ...parts: string[]) => {
    const [left, zero, width, precision, verb] = parts as [string, string, string, string | undefined, string];
    if (verb === '%') return '%';
    if (!'sdqvtxf'.includes(verb)) throw `printf does not know ${whole}`;
    if (rest.length === 0) return `%!${verb}(MISSING)`;
    const word = verbOf(verb, rest.shift(), precision);
    const wide = Number(width || 0);
    return left ? word.padEnd(wide) : word.padStart(wide, zero && verb !== 's' ? '0' : ' ');
  });
  return rest.length > 0 ? `${made}%!(EXTRA ${rest.map((one) => `${typeof one}=${shown(one)}`).join(', ')})` : made;
}

function verbOf(verb: string, value: unknown, precision: string | undefined): string {
  if (verb === 'q') return JSON.stringify(shown(value));
  if (verb === 'x') return typeof value === 'number' ? value.toString(16) : Buffer.from(shown(value)).toString('hex');
  if (verb === 'd')
    return typeof value === 'number' ? String(Math.trunc(value)) : `%!d(${typeof value}=${shown(value)})`;
  if (verb === 'f') return typeof value === 'number' ? value.toFixed(Number(precision ?? 6)) : `%!f(${shown(value)})`;
  return precision === undefined ? shown(value) : [...shown(value)].slice(0, Number(precision)).join('');
}

export const FUNCTIONS: Readonly<Record<string, Fn>> = {
  json,
  join: (values, separator) => list(values).map(shown).join(text(separator)),
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  title: (value) => text(value).replace(/\b\p{L}/gu, (letter) => letter.toUpperCase()),
  split: (value, separator) => text(value).split(text(separator)),
  pad: (value, before, after) =>
    text(value) === '' ? '' : ' '.repeat(Number(before)) + text(value) + ' '.repeat(Number(after)),
  truncate: (value, length) => [...text(value)].slice(0, Number(length)).join(''),
  println: (...values) => `${values.map(shown).join(' ')}\n`,
  print: (...values) => values.map(shown).join(''),
  printf,
  len: size,
  index,
  eq: (value, ...others) => others.some((other) => equal(value, other)),
  ne: (a, b) => !equal(a, b),
  lt: (a, b) => order(a, b) < 0,
  le: (a, b) => order(a, b) <= 0,
  gt: (a, b) => order(a, b) > 0,
  ge: (a, b) => order(a, b) >= 0,
  and: (...values) => values.find((value) => !isTrue(value)) ?? values.at(-1),
  or: (...values) => values.find(isTrue) ?? values.at(-1),
  not: (value) => !isTrue(value),
};
