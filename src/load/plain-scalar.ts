/** What an unquoted YAML scalar means: YAML 1.2 with the leftovers of 1.1 that the reference keeps (octal 0440, 1_000). */
import type { Scalar } from './tree.ts';

const INTEGER = /^[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const SPECIAL: ReadonlyMap<string, Scalar> = new Map<string, Scalar>([
  ...['', '~', 'null', 'Null', 'NULL'].map((text) => [text, null] as const),
  ...['true', 'True', 'TRUE'].map((text) => [text, true] as const),
  ...['false', 'False', 'FALSE'].map((text) => [text, false] as const),
  ...['.nan', '.NaN', '.NAN'].map((text) => [text, Number.NaN] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((text) => [text, Number.POSITIVE_INFINITY] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((text) => [text, Number.NEGATIVE_INFINITY] as const),
]);

export function plainScalar(text: string): Scalar {
  const first = text.charCodeAt(0);
  // Letters other than the ones of null, true and false cannot begin anything but a string: most scalars end here.
  if (first >= 0x61 && first !== 0x6e && first !== 0x74 && first !== 0x66 && first !== 0x7e) return text;
  const special = SPECIAL.get(text);
  if (special !== undefined) return special;
  if (!/^[-+.0-9]/.test(text)) return text;
  if (INTEGER.test(text)) return integer(text) ?? text;
  return FLOAT.test(text) ? Number(text) : text;
}

function integer(text: string): number | undefined {
  const negative = text.startsWith('-');
  const digits = text.replace(/^[-+]/, '').replaceAll('_', '');
  const octal = /^0o?([0-7]+)$/.exec(digits);
  const value = octal ? Number.parseInt(octal[1]!, 8) : /^0[0-9]/.test(digits) ? Number.NaN : Number(digits);
  if (!Number.isFinite(value)) return undefined;
  return negative ? -value : value;
}

/** A number as Go prints it with %v, which is how the reference turns numbers into environment values and labels. */
export function goNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) return value.toFixed(0);
  return goFloat(value);
}

export function goFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return '0';
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -4 && exponent < 21) return String(value);
  return value.toExponential().replace(/e([-+])(\d)$/, 'e$10$2');
}
