/** Times as people type them for `--since` and `--until`, in all of Docker's forms: a date, seconds since 1970, or how long ago. */
import { UNIT_MS } from '../model/duration-units.ts';
import { usageError } from './args.ts';

export function pointInTime(flag: string, word: string | undefined, nowMs: number): number | undefined {
  if (word === undefined || word === '') return undefined;
  const ms = unixTime(word) ?? ago(word, nowMs) ?? date(word);
  if (ms === undefined)
    throw usageError(`${flag} cannot read "${word}"`, 'for example: 10m, 1h30m, 2026-01-31T12:00:00Z');
  return ms;
}

const unixTime = (word: string): number | undefined => (/^\d+(\.\d+)?$/.test(word) ? Number(word) * 1000 : undefined);

function ago(word: string, nowMs: number): number | undefined {
  const [, sign, amounts] = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h|d))+)$/.exec(word) ?? [];
  if (amounts === undefined) return undefined;
  const parts = [...amounts.matchAll(/([\d.]+)([^\d.]+)/g)];
  const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNIT_MS[unit!]!, 0);
  return sign === '-' ? nowMs + ms : nowMs - ms;
}

/** The time may end after any of its parts. Without a zone it is the user's own time; a bare date would be UTC to Date.parse. */
function date(word: string): number | undefined {
  const form = /^(\d{4}-\d\d-(\d\d))(?:T(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?)?(Z|[+-]\d\d:\d\d)?$/;
  const [, day, dayOfMonth, hours = '00', minutes = '00', seconds = '00', zone = ''] = form.exec(word) ?? [];
  if (day === undefined) return undefined;
  // The last day of a month is not made the first of the next.
  if (new Date(`${day}T00:00:00Z`).getUTCDate() !== Number(dayOfMonth)) return undefined;
  const ms = Date.parse(`${day}T${hours}:${minutes}:${seconds}${zone}`);
  return Number.isNaN(ms) ? undefined : ms;
}
