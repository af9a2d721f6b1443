/** Keys that one mapping holds more than once: the first one counts, and each such key is one mistake, however often it is there. */
import type { Findings } from './findings.ts';
import type { Mark } from './tree.ts';

interface Repeat {
  readonly name: string;
  readonly second: Mark;
  times: number;
}

/** By the place where the key was given first. */
export type Repeats = Map<Mark, Repeat>;

export function noteRepeat(repeats: Repeats, name: string, first: Mark, again: Mark): void {
  const known = repeats.get(first);
  if (known === undefined) repeats.set(first, { name, second: again, times: 2 });
  else known.times += 1;
}

export function reportRepeats(repeats: Repeats, findings: Findings): void {
  for (const [first, { name, second, times }] of repeats) {
    const often = times === 2 ? 'twice' : `${times} times`;
    findings.error('duplicate-key', `"${name}" is given ${often} in one mapping`, second, {
      help: times === 2 ? 'keep one of the two' : 'keep one of them',
      related: [{ at: first, label: 'first given here' }],
    });
  }
}
