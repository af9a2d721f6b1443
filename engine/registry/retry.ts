/** When a request is tried again, and after how long. */

export const ATTEMPTS = 4;
/** Whoever is told to wait longer should know, and decide. */
export const LONGEST_WAIT_MS = 60_000;

const PASSING_STATUS = new Set([408, 429, 500, 502, 503, 504]);
/** A connection that breaks is an accident; one that is refused, or a name that is not known, is an answer. */
const PASSING_ERROR = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT']);

export const isPassingStatus = (status: number): boolean => PASSING_STATUS.has(status);
export const isPassingError = (error: unknown): boolean =>
  PASSING_ERROR.has((error as NodeJS.ErrnoException).code ?? '');

/** Retry-After: seconds or a date. Undefined where there is none that can be read. */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** Doubling from half a second; `random` (0 to 1) spreads those who failed together. */
export const backOff = (attempt: number, random: number): number => 500 * 2 ** attempt * (0.75 + random / 2);
