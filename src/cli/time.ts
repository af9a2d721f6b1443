/** Times as people type them for `--since` and `--until`: a date, seconds since 1970, or how long ago. */
import { usageError } from './args.ts';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export function pointInTime(flag: string, word: string | undefined, nowMs: number): number | undefined {
  if (word === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(word)) return Number(word) * 1000;
  const ago = [...word.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (ago.length > 0 && ago.map(([part]) => part).join('') === word) {
    return nowMs - ago.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNIT_MS[unit!]!, 0);
  }
  // A date without a time zone is the user's own time, as the docker CLI has it; a bare date would be UTC to Date.parse.
  const ms = /^\d{4}-\d{2}-\d{2}/.test(word) ? Date.parse(/T/.test(word) ? word : `${word}T00:00:00`) : Number.NaN;
  if (Number.isNaN(ms))
    throw usageError(`${flag} cannot read "${word}"`, 'for example: 10m, 1h30m, 2026-01-31T12:00:00Z');
  return ms;
}
