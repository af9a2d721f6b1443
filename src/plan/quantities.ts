/** Durations and sizes as a loaded project spells them, to numbers. */
import { UNIT_MS } from '../model/duration-units.ts';
import { invariant } from '../model/errors.ts';

/** Whole milliseconds, at least one where the text says more than nothing. `1m30s`, `0`; a value that loading let through and that is none of these is a bug of the loader. */
export function durationMs(text: string): number {
  if (/^[+-]?0$/.test(text)) return 0;
  const sign = text.startsWith('-') ? -1 : 1;
  const body = text.replace(/^[+-]/, '');
  const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d|w)/gy;
  let total = 0;
  let end = 0;
  for (let match = part.exec(body); match; match = part.exec(body)) {
    total += Number(match[1]) * (UNIT_MS[match[2]!] ?? 0);
    end = part.lastIndex;
  }
  invariant(end === body.length && end > 0, `"${text}" is not a duration`);
  return sign * (total > 0 ? Math.max(1, Math.round(total)) : 0);
}

const FACTOR: Readonly<Record<string, number>> = {
  '': 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  p: 1024 ** 5,
};

/** Digits as loading prints them; `64m` too, since some open-ended places (deploy) are not canonical. */
export function byteCount(value: string | number): number {
  if (typeof value === 'number') return value;
  const match = /^(-?\d+(?:\.\d+)?)\s?([kmgtp]?)i?b?$/i.exec(value);
  invariant(match, `"${value}" is not a size`);
  return Math.trunc(Number(match[1]) * (FACTOR[match[2]!.toLowerCase()] ?? 1));
}
