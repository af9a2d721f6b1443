/** .dockerignore: which files of a build's context are left out, and which folders need not be looked at. */
import { posix } from 'node:path';
import { type Glob, matchesGlob, mayMatchBelow, parseGlob } from './glob.ts';

interface Rule {
  readonly glob: Glob;
  /** `!pattern`: takes back in. */
  readonly exception: boolean;
}

export type IgnoreRules = readonly Rule[];

export interface IgnoreMistake {
  /** From 1. */
  readonly line: number;
  readonly message: string;
  readonly help: string;
}

/** What is known of a path, for the paths below it. */
export interface Verdict {
  readonly ignored: boolean;
  /** One for each rule: whether it matched this path or a folder above. */
  readonly matched: readonly boolean[];
}

/** Names of the files to look for, best first: one of the Dockerfile's own wins over the context's. */
export const ignoreFileNames = (dockerfile: string): readonly string[] => [
  `${dockerfile}.dockerignore`,
  '.dockerignore',
];

/** Go's filepath.Clean. */
export const clean = (path: string): string => {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
};

/**
 * Lines as moby's ignorefile reads them: `#` in the first column is a comment, blanks around are dropped, one leading
 * slash is dropped, `!` is looked for before the path is cleaned.
 */
export function parseIgnoreFile(text: string): {
  readonly rules: IgnoreRules;
  readonly mistakes: readonly IgnoreMistake[];
} {
  const patterns = text
    .replace(/^\u{FEFF}/u, '')
    .split('\n')
    .map((line, index) => ({ line: index + 1, pattern: line.startsWith('#') ? '' : line.trim() }))
    .filter(({ pattern }) => pattern !== '');
  const rules: Rule[] = [];
  const mistakes: IgnoreMistake[] = [];
  for (const { line, pattern } of patterns) {
    const exception = pattern.startsWith('!');
    const path = clean((exception ? pattern.slice(1).trim() : pattern) || '/')
      .replace(/^\/(?=.)/, '')
      .trim();
    const nothing = exception && path === '/';
    const glob = nothing ? undefined : parseGlob(path);
    if (glob !== undefined) rules.push({ glob, exception });
    else if (nothing)
      mistakes.push({ line, message: 'a "!" without a pattern', help: 'write what is to be taken back in behind it' });
    else
      mistakes.push({
        line,
        message: `the pattern ${JSON.stringify(pattern)} is malformed`,
        help: 'close the bracket, or write \\[ for a bracket of the name',
      });
  }
  return { rules, mistakes };
}

/** Patterns given one by one: `COPY --exclude=`. Malformed ones are told by their index plus one. */
export const parseIgnorePatterns = (patterns: readonly string[]) =>
  parseIgnoreFile(patterns.map((pattern) => pattern.replaceAll('\n', ' ').replace(/^#/, '\\#')).join('\n'));

/**
 * Of `path` (relative, clean, no trailing slash), where `above` is the verdict of its folder; absent for a path directly in the context.
 * The last rule that says something decides. A rule that could change nothing where it stands is not asked, and does not count for
 * what lies below: so `a/b` followed by `!a` leaves `a/b` out, as with Docker, whose walker does the same.
 */
export function judge(rules: IgnoreRules, path: string, above?: Verdict): Verdict {
  let ignored = false;
  const matched = rules.map(({ glob, exception }, index) => {
    const match = above?.matched[index] === true || (exception === ignored && matchesGlob(glob, path));
    if (match) ignored = !exception;
    return match;
  });
  return { ignored, matched };
}

/** Whether a folder and all below can be passed over: it is left out, and no exception can match anything in it. */
export const canSkip = (rules: IgnoreRules, folder: string, { ignored }: Verdict): boolean =>
  ignored && !rules.some(({ glob, exception }) => exception && mayMatchBelow(glob, folder));
