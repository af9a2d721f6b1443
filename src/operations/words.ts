/** Times, sizes and states in Docker's words, which people and scripts know by heart. */
import type { LiveContainer } from '../model/live.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** As go-units' HumanDuration: `About a minute`, `3 weeks`. */
export function durationWords(ms: number): string {
  if (ms < SECOND) return 'Less than a second';
  if (ms < 2 * SECOND) return '1 second';
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} seconds`;
  if (ms < 2 * MINUTE) return 'About a minute';
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} minutes`;
  if (ms < 1.5 * HOUR) return 'About an hour';
  if (ms < 2 * DAY) return `${Math.round(ms / HOUR)} hours`;
  if (ms < 14 * DAY) return `${Math.floor(ms / DAY)} days`;
  if (ms < 60 * DAY) return `${Math.floor(ms / (7 * DAY))} weeks`;
  if (ms < 730 * DAY) return `${Math.floor(ms / (30 * DAY))} months`;
  return `${Math.floor(ms / (365 * DAY))} years`;
}

export const ago = (iso: string, nowMs: number): string => `${durationWords(Math.max(0, nowMs - Date.parse(iso)))} ago`;

/** `2026-01-31 15:04:05 +0000 UTC`, as the docker CLI prints a moment. */
export const moment = (iso: string): string =>
  `${new Date(iso).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;

/** Decimal, four digits: `187MB`, `1.05GB`. */
export function sizeWords(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${Number(value.toPrecision(3))}${units[unit]}`;
}

export function statusWords(live: LiveContainer, nowMs: number): string {
  const { status, exitCode, startedAt, finishedAt } = live;
  if (live.endedWithHost) return `Exited (${exitCode}) with the host`;
  const lost = live.damage.some(({ kind }) => kind === 'supervisor') ? ' (supervisor gone)' : '';
  if (status === 'restarting') return `Restarting (${exitCode}) ${finishedAt ? ago(finishedAt, nowMs) : ''}`.trim();
  if (status === 'removing') return 'Removal In Progress';
  if (status === 'exited')
    return `${`Exited (${exitCode}) ${finishedAt && !lost ? ago(finishedAt, nowMs) : ''}`.trim()}${lost}`;
  if (status === 'created' || status === 'dead') return status === 'created' ? 'Created' : 'Dead';
  const up = `Up ${durationWords(nowMs - Date.parse(startedAt ?? live.createdAt))}`;
  if (status === 'paused') return `${up} (Paused)`;
  if (live.health === 'none') return `${up}${lost}`;
  return `${up} (${live.health === 'starting' ? 'health: starting' : live.health})`;
}

export const labelWords = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

/** RFC 3339 in UTC with up to nanoseconds: zeros at the end of the fraction are left out, and so must be the Z for the texts to compare. */
export const isEarlier = (a: string, b: string): boolean => a.slice(0, -1) < b.slice(0, -1);

/** The row with a method for templates, `{{.Label "com.example.x"}}`, that is not seen where the row is printed as a whole. */
export const withLabel = <T extends object>(row: T, labels: Readonly<Record<string, string>>): T =>
  Object.defineProperty(row, 'Label', {
    value: (name: string): string => (Object.hasOwn(labels, name) ? labels[name]! : ''),
  });
