/** Why a step is there, for people: each reason a small piece of data, with the line of the file where there is one. */
import type { Damage, LiveContainer } from '../model/live.ts';
import type { Reason } from '../model/plan.ts';
import type { SourceRange } from '../model/source.ts';
import type { Difference } from './compare.ts';
import type { Origin } from './desire.ts';

export const missing = (at?: SourceRange): Reason => ({ code: 'missing', ...(at ? { at } : {}) });
export const unwanted = (text: string): Reason => ({ code: 'unwanted', text });
export const requested = (text?: string): Reason => ({ code: 'requested', ...(text ? { text } : {}) });
export const dependency = (text: string): Reason => ({ code: 'dependency', text });
export const damaged = ({ kind, what }: Damage): Reason => ({
  code: 'damaged',
  text: kind === 'change' ? what : `${what} is gone`,
});
export const reasonsOfDamage = (damage: readonly Damage[]): readonly Reason[] => damage.map(damaged);

export function changed(differences: readonly Difference[], address: string, origin: Origin): readonly Reason[] {
  return differences.map(({ path, from, to }) => {
    const at = origin.at(address, path);
    const show = isSecret(path) ? hidden : withoutPassword;
    return { code: 'changed', field: path.join('.'), from: show(from), to: show(to), ...(at ? { at } : {}) };
  });
}

/** Plans are shown, saved and sent to programs: values that are likely secrets stay out of them. */
function isSecret(path: Difference['path']): boolean {
  const name = String(path[1] ?? '');
  return path[0] === 'environment' && /passw|secret|token|api_?key|private|credential|auth/i.test(name);
}

const hidden = (value: unknown): unknown => (value === undefined ? undefined : '(hidden)');

/** `postgresql://visits:(hidden)@db/visits` */
const withoutPassword = (value: unknown): unknown =>
  typeof value === 'string' ? value.replace(/(:\/\/[^/:@\s]*):[^/@\s]+@/g, '$1:(hidden)@') : value;

export function stopped(live: LiveContainer): Reason {
  return { code: 'stopped', text: stoppedText(live) };
}

function stoppedText({ status, exitCode, error, wanted, endedWithHost }: LiveContainer): string {
  if (endedWithHost) return 'it ran when the host went down';
  if (error) return `did not start: ${error}`;
  // After a reboot nobody knows how it ended, only that it was to run.
  if (status === 'created') return wanted ? 'it should run and does not' : 'made, not started yet';
  const signal = exitCode > 128 && exitCode < 128 + 65 ? `, signal ${exitCode - 128}` : '';
  return `its process ended with code ${exitCode}${signal}`;
}
