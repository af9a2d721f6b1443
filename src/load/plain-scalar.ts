/** What an unquoted YAML scalar means: YAML 1.2 with the leftovers of 1.1 that the reference keeps (octal 0440, 1_000). */
import type { Scalar } from './tree.ts';

const INTEGER = /^[-+]?(?:0[bB][01]+|0[oO]?[0-7]+|0[xX][0-9a-fA-F]+|0|[1-9][0-9]*)$/;
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
  const digits = text.includes('_') && /^[-+]?[0-9]/.test(text) ? text.replaceAll('_', '') : text;
  // 089 is no octal number and no integer: the reference reads a float.
  const value = INTEGER.test(digits) ? integer(digits, Number) : FLOAT.test(digits) ? Number(digits) : Number.NaN;
  return Number.isFinite(value) ? value : text;
}

function integer<N extends number | bigint>(digits: string, read: (magnitude: string) => N): N {
  const magnitude = read(digits.replace(/^[-+]/, '').replace(/^0(?=[0-7])/, '0o'));
  return digits.startsWith('-') ? (-magnitude as N) : magnitude;
}

/**
 * A number as Go prints it with %v, which is how the reference turns numbers into environment values and labels. `raw` is how it was written:
 * it has digits that a double lost, and tells 10000000 from 1e7.
 */
export function goNumber(value: number, raw?: string): string {
  if (raw === undefined) return Number.isSafeInteger(value) ? String(value) : goFloat(value);
  const digits = raw.replaceAll('_', '');
  const exact = INTEGER.test(digits) ? integer(digits, BigInt) : undefined;
  return exact !== undefined && exact >= -(2n ** 63n) && exact < 2n ** 64n ? String(exact) : goFloat(value);
}

function goFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return '0';
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -4 && exponent < 6) return String(value);
  return value.toExponential().replace(/e([-+])(\d)$/, 'e$10$2');
}
