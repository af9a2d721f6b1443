/** `--filter KEY=VALUE` of `image ls` and `image prune`, as Docker reads it: values of one key are alternatives, labels all must be there. */
import type { ImageInfo } from '../model/engine.ts';
import { TcomposeError } from '../model/errors.ts';
import { momentOf } from './network-filter.ts';

export const LS_FILTERS = ['before', 'dangling', 'label', 'reference', 'since', 'until'] as const;
export const PRUNE_FILTERS = ['dangling', 'label', 'label!', 'until'] as const;

export interface ImageFilter {
  readonly key: string;
  readonly value: string;
}

export const readImageFilters = (words: readonly string[], keys: readonly string[]): readonly ImageFilter[] =>
  words.map((word) => {
    const [, key = '', value = ''] = /^([a-z]+!?)=(.*)$/s.exec(word) ?? [];
    if (key === 'dangling' && !/^(?:1|t|true|0|f|false)$/i.test(value)) throw notAValue(word, 'write true or false');
    if (key === 'reference') patternOf(value);
    if (key === 'until') momentOf(value);
    if (keys.includes(key)) return { key, value };
    throw new TcomposeError(`--filter ${word} is not known`, {
      code: 'usage',
      help: `possible: ${keys.map((one) => `${one}=VALUE`).join(', ')}`,
      exitCode: 2,
    });
  });

const notAValue = (word: string, help: string) =>
  new TcomposeError(`--filter ${word} says nothing that can be understood`, { code: 'usage', help, exitCode: 2 });

/** No name with a tag means it. */
export const isDangling = ({ tags }: ImageInfo): boolean => tags.length === 0;

/** `find`: the image that `before` and `since` name. */
export function passesImage(
  filters: readonly ImageFilter[],
  image: ImageInfo,
  find: (ref: string) => ImageInfo | undefined = () => undefined,
): boolean {
  const passes = ({ key, value }: ImageFilter): boolean => {
    switch (key) {
      case 'dangling':
        return isDangling(image) === /^(1|t|true)$/i.test(value);
      case 'reference':
        return [...image.tags, ...(image.digests ?? [])].some((name) => fitsReference(value, name));
      case 'until':
        return Date.parse(image.createdAt) < momentOf(value);
      case 'before':
      case 'since': {
        const other = find(value);
        if (other === undefined)
          throw new TcomposeError(`no such image: ${value}`, {
            code: 'no-such-image',
            help: 'see `tcompose image ls`',
          });
        const later = (Date.parse(image.createdAt) || 0) - (Date.parse(other.createdAt) || 0);
        return key === 'before' ? later < 0 : later > 0;
      }
      default: {
        const [label = '', wanted] = value.split(/=(.*)/s);
        const { labels } = image.config;
        const has = Object.hasOwn(labels, label) && (wanted === undefined || labels[label] === wanted);
        return has === (key === 'label');
      }
    }
  };
  const keys = new Set(filters.map(({ key }) => key));
  return [...keys].every((key) => {
    const own = filters.filter((filter) => filter.key === key);
    return key.startsWith('label') ? own.every(passes) : own.some(passes);
  });
}

/** Go's path.Match: `*`, `?`, `[a-z]`, `[^a-z]`, and a backslash before what stands for itself. */
function patternOf(pattern: string): RegExp {
  const pieces = /\\(.)|\[(\^?)((?:\\.|[^\]\\])+)\]|([*?])|([^[\\])/gsy;
  let source = '';
  while (pieces.lastIndex < pattern.length) {
    const piece = pieces.exec(pattern);
    if (piece === null) throw badPattern(pattern);
    const [, escaped, isNot, set, wild, plain] = piece;
    if (wild !== undefined) source += wild === '*' ? '[^/]*' : '[^/]';
    else if (set !== undefined) source += `(?!/)[${isNot}${set.replace(/\\(.)/gs, '$1').replace(/[\\\][^]/g, '\\$&')}]`;
    else source += (escaped ?? plain)!.replace(/[.+*?^${}()|[\]\\/]/g, '\\$&');
  }
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    throw badPattern(pattern);
  }
}

const badPattern = (pattern: string) =>
  notAValue(`reference=${pattern}`, 'write a name, with * ? [a-z] where anything may be');

/** As Docker's FamiliarMatch: the pattern of path.Match, against the name with its tag and without. */
export function fitsReference(pattern: string, full: string): boolean {
  const name = full.replace(/^docker\.io\/(library\/(?=[^/]+$))?/, '');
  const bare = name.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
  const expression = patternOf(pattern);
  return expression.test(name) || expression.test(bare);
}
