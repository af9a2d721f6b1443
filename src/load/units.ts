/** Durations and byte sizes: from the text that people write to numbers, and to the text that Compose prints. */

const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 24 * 3600e9,
  w: 7 * 24 * 3600e9,
};
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d|w)/y;

/** Nanoseconds; undefined where the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const body = text.replace(/^[-+]/, '');
  if (body === '0') return 0;
  let total = 0;
  let at = 0;
  while (at < body.length) {
    PART.lastIndex = at;
    const part = PART.exec(body);
    if (part === null) return undefined;
    total += Math.round(Number(part[1]) * NANOSECONDS[part[2]!]!);
    at = PART.lastIndex;
  }
  if (body === '' || !Number.isFinite(total) || total >= 2 ** 63) return undefined;
  return text.startsWith('-') ? -total : total;
}

/** As Go prints a time.Duration: `1m30s`, `500ms`, `0s`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds < 0) return `-${formatDuration(-nanoseconds)}`;
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${fraction(nanoseconds, 1e3)}µs`;
  if (nanoseconds < 1e9) return `${fraction(nanoseconds, 1e6)}ms`;
  const minutes = Math.floor(nanoseconds / 60e9);
  const seconds = `${fraction(nanoseconds - minutes * 60e9, 1e9)}s`;
  if (minutes === 0) return seconds;
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}

function fraction(value: number, unit: number): string {
  const whole = Math.floor(value / unit);
  const digits = String(Math.round(value - whole * unit)).padStart(Math.round(Math.log10(unit)), '0');
  const rest = digits.replace(/0+$/, '');
  return rest === '' ? String(whole) : `${whole}.${rest}`;
}

const SIZE = /^([\d.][\d.e+-]*?) ?([kmgtp]i?b|[kmgtp]|b)?$/i;

/** Bytes; factors are 1024 whatever the spelling (`k`, `kb`, `KiB`), as in the reference. Negative only without a unit. */
export function parseSize(text: string): number | undefined {
  if (/^-?\d{1,25}$/.test(text)) return fits(BigInt(text)) ? Number(text) : undefined;
  const found = SIZE.exec(text);
  const number = found === null || !FLOAT.test(found[1]!) ? Number.NaN : Number(found[1]);
  const power = 'kmgtp'.indexOf((found?.[2] ?? 'b')[0]!.toLowerCase()) + 1;
  const bytes = Math.trunc(number * 1024 ** power);
  return bytes < 2 ** 63 ? bytes : undefined;
}

const FLOAT = /^(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;

function fits(bytes: bigint): boolean {
  return bytes >= -(2n ** 63n) && bytes < 2n ** 63n;
}
