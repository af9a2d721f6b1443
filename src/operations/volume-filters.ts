/** `--filter KEY=VALUE` of `volume ls` and `volume prune`, as Docker reads it: one key's values are joined by *or*, labels by *and*. */
import { TcomposeError } from '../model/errors.ts';
import type { LiveVolume } from '../model/live.ts';

export interface VolumeFilter {
  /** `key` or `key=value`; all must be there. */
  readonly labels: readonly string[];
  /** Of `label!`: none may be there. */
  readonly noLabels: readonly string[];
  /** Parts of a name, or regular expressions. */
  readonly names: readonly string[];
  readonly drivers: readonly string[];
  readonly dangling?: boolean;
  /** Of `volume prune`: named ones, too. */
  readonly all?: boolean;
}

const bad = (filter: string, help: string) =>
  new TcomposeError(`invalid filter ${JSON.stringify(filter)}`, { code: 'usage', exitCode: 2, help });

const TRUTH: Readonly<Record<string, boolean>> = { '1': true, true: true, '0': false, false: false };

export function readFilters(words: readonly string[], keys: readonly string[]): VolumeFilter {
  const values = (key: string): readonly string[] =>
    words.flatMap((word) => (keyOf(word) === key ? [word.slice(key.length + 1)] : []));
  for (const word of words) {
    if (!word.includes('=')) throw bad(word, 'write KEY=VALUE');
    if (!keys.includes(keyOf(word))) throw bad(word, `what can be asked for: ${keys.join(', ')}`);
  }
  const truth = (key: string): boolean | undefined => {
    const found = values(key);
    const answers = [...new Set(found.map((value) => TRUTH[value.toLowerCase()]))];
    if (answers.length > 1 || (answers.length === 1 && answers[0] === undefined))
      throw bad(`${key}=${found.join(',')}`, 'write true or false, once');
    return answers[0];
  };
  const [dangling, all] = [truth('dangling'), truth('all')];
  return {
    labels: values('label'),
    noLabels: values('label!'),
    names: values('name'),
    drivers: values('driver'),
    ...(dangling === undefined ? {} : { dangling }),
    ...(all === undefined ? {} : { all }),
  };
}

const keyOf = (word: string): string => word.slice(0, word.indexOf('='));

export function matches({ name, madeFrom, usedBy }: LiveVolume, filter: VolumeFilter): boolean {
  const has = (label: string): boolean => {
    const at = label.indexOf('=');
    const key = at < 0 ? label : label.slice(0, at);
    return Object.hasOwn(madeFrom.labels, key) && (at < 0 || madeFrom.labels[key] === label.slice(at + 1));
  };
  return (
    filter.labels.every(has) &&
    !filter.noLabels.some(has) &&
    (filter.names.length === 0 || filter.names.some((part) => name.includes(part) || fits(part, name))) &&
    (filter.drivers.length === 0 || filter.drivers.includes(madeFrom.driver)) &&
    (filter.dangling === undefined || filter.dangling === (usedBy.length === 0))
  );
}

function fits(pattern: string, name: string): boolean {
  try {
    return new RegExp(pattern).test(name);
  } catch {
    return false;
  }
}
