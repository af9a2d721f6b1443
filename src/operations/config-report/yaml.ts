/** Plain JSON as YAML, in the style of `docker compose config`: two spaces, lists under their key, literal blocks for long texts. */
import type { Json } from '../../load/binding.ts';
import { plainScalar } from '../../load/plain-scalar.ts';

export function yamlText(value: Readonly<Record<string, Json>>): string {
  return block(value, 0).join('\n').replace(/^\n/, '') + '\n';
}

type Collection = readonly Json[] | Readonly<Record<string, Json>>;

function isCollection(value: Json): value is Collection {
  return value !== null && typeof value === 'object';
}

function isEmpty(value: Collection): boolean {
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
}

function block(value: Collection, depth: number): string[] {
  const indent = '  '.repeat(depth);
  const lines: string[] = [];
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) {
      if (isCollection(item) && !isEmpty(item)) {
        const [first, ...rest] = block(item, depth + 1);
        lines.push(`${indent}- ${first!.slice(indent.length + 2)}`, ...rest);
      } else lines.push(`${indent}- ${inline(item, depth)}`);
    }
    return lines;
  }
  for (const [key, inner] of Object.entries(value as Readonly<Record<string, Json>>)) {
    const name = scalar(key);
    if (isCollection(inner) && !isEmpty(inner)) lines.push(`${indent}${name}:`, ...block(inner, depth + 1));
    else lines.push(`${indent}${name}: ${inline(inner, depth)}`);
  }
  return lines;
}

function inline(value: Json, depth: number): string {
  if (isCollection(value)) return Array.isArray(value) ? '[]' : '{}';
  if (typeof value === 'string') return literal(value, depth) ?? scalar(value);
  if (value === null) return 'null';
  return Object.is(value, Number.POSITIVE_INFINITY) ? '.inf' : Number.isNaN(value) ? '.nan' : String(value);
}

/** Several lines of printable text; anything that a block cannot carry exactly is quoted instead. */
function literal(text: string, depth: number): string | undefined {
  if (!text.includes('\n') || /^[\s]|[^\x20-\x7e\n\u00a0-\ud7ff\ue000-\ufefe]|[ \t]\n|[ \t]$|\n\n$/.test(text))
    return undefined;
  const indent = '  '.repeat(depth + 1);
  const lines = text.replace(/\n$/, '').split('\n');
  const header = text.endsWith('\n') ? '|' : '|-';
  return [header, ...lines.map((line) => (line === '' ? '' : indent + line))].join('\n');
}

/** What YAML 1.1 readers take for numbers, times, dates, true and false. */
const OLD_NUMBERS =
  /^[-+]?(?:[0-9]|\.[0-9])[0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?$|^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$|^\d{4}-\d\d?-\d\d?/;
const OLD_BOOLEANS = /^(?:y|n|yes|no|on|off)$/i;

function scalar(text: string): string {
  const isPlain =
    /^[$A-Za-z0-9_./~\u00a0-\ud7ff-][^\x00-\x1f\x7f-\x9f\ufeff\ufffe\uffff\u2028\u2029]*$/.test(text) &&
    !/: |:$| #|^[-~] |^-$|^---|^\.\.\.|\s$|^[?:]/.test(text) &&
    !OLD_BOOLEANS.test(text) &&
    !OLD_NUMBERS.test(text) &&
    !/^0[xob]/i.test(text) &&
    typeof plainScalar(text) === 'string' &&
    wellFormed(text);
  return isPlain ? text : JSON.stringify(text).replace(/[\x7f-\x9f\u2028\u2029\ufeff]/g, escapeUnit);
}

function wellFormed(text: string): boolean {
  return !/[\ud800-\udfff]/.test(text);
}

function escapeUnit(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
