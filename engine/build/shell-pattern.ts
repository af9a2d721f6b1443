/** Shell patterns of `${name#pattern}` and its kin: `*` and `?`, matched in time that grows with text × pattern, never faster. */

type Token = { readonly kind: 'star' } | { readonly kind: 'any' } | { readonly kind: 'text'; readonly char: string };
export type ShellPattern = readonly Token[];

/**
 * `\*`, `\?` and `\\` stand for themselves; `\}` and `\/` are how these two are written within `${}`.
 * Bracket expressions do not exist (as in BuildKit's shell words). Throws an Error with one clause.
 */
export function parseShellPattern(text: string): ShellPattern {
  const tokens: Token[] = [];
  const chars = [...text];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i]!;
    if (char === '*') {
      if (tokens.at(-1)?.kind !== 'star') tokens.push({ kind: 'star' });
    } else if (char === '?') tokens.push({ kind: 'any' });
    else if (char !== '\\') tokens.push({ kind: 'text', char });
    else {
      const next = chars[++i];
      if (next === undefined || !'*?\\}/'.includes(next))
        throw new Error(`invalid escape '\\${next ?? ''}' in a pattern`);
      tokens.push({ kind: 'text', char: next });
    }
  }
  return tokens;
}

const fits = (token: Token, char: string): boolean => token.kind !== 'text' || token.char === char;

/** Every length at which a match that begins at `from` may end, told as shortest and longest; and whether a star was reached. */
function ends(pattern: ShellPattern, chars: readonly string[], from: number) {
  let states = closure(pattern, new Set([0]));
  let shortest: number | undefined;
  let longest: number | undefined;
  let star = false;
  for (let at = from; ; at++) {
    if (states.has(pattern.length)) {
      shortest ??= at;
      longest = at;
    }
    star ||= [...states].some((state) => pattern[state]?.kind === 'star');
    if (at >= chars.length || states.size === 0) return { shortest, longest, star };
    const next = new Set<number>();
    for (const state of states) {
      const token = pattern[state];
      if (token !== undefined && fits(token, chars[at]!)) next.add(token.kind === 'star' ? state : state + 1);
    }
    states = closure(pattern, next);
  }
}

/** A star may also match nothing. */
function closure(pattern: ShellPattern, states: Set<number>): Set<number> {
  for (const state of states) if (pattern[state]?.kind === 'star') states.add(state + 1);
  return states;
}

/** Without what matches at its beginning. */
export function trimStart(value: string, pattern: ShellPattern, longest: boolean): string {
  const chars = [...value];
  const found = ends(pattern, chars, 0);
  return chars.slice((longest ? found.longest : found.shortest) ?? 0).join('');
}

/** Without what matches at its end. */
export const trimEnd = (value: string, pattern: ShellPattern, longest: boolean): string =>
  [...trimStart([...value].reverse().join(''), [...pattern].reverse(), longest)].reverse().join('');

/** The longest match from the left replaced, once or everywhere. What is put in is taken as it is. */
export function replaceMatches(value: string, pattern: ShellPattern, replacement: string, everywhere: boolean): string {
  const chars = [...value];
  let out = '';
  let lastEnd = -1;
  for (let at = 0; at <= chars.length; ) {
    const { longest, star } = ends(pattern, chars, at);
    const found = longest !== undefined && !(longest === at && at === lastEnd);
    if (found) {
      out += replacement;
      lastEnd = longest;
    }
    // What follows a star was looked for in all of the rest: no later beginning can find it either.
    else if (star) return out + chars.slice(at).join('');
    const next = found && longest > at ? longest : at + 1;
    if (!found || longest === at) out += chars[at] ?? '';
    at = next;
    if (found && !everywhere) return out + chars.slice(at).join('');
  }
  return out;
}
