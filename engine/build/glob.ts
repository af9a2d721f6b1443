/** Path patterns as Go's filepath.Match has them, with `**` as moby's patternmatcher adds it. Time grows with path × pattern. */

type Token =
  | { readonly kind: 'text'; readonly char: string }
  /** One character, no slash. */
  | { readonly kind: 'any' }
  /** Any run of characters without a slash. */
  | { readonly kind: 'star' }
  /** Any number of whole folders, none included; always followed by `within`, which is the state of being in them. */
  | { readonly kind: 'folders' }
  | { readonly kind: 'within' }
  /** Anything at all. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'set'; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] };

export interface Glob {
  readonly text: string;
  readonly tokens: readonly Token[];
  /** Set when the pattern is plain text: most are. */
  readonly literal?: string;
  /** Plain text that every match begins and ends with: most paths are told by that. */
  readonly head: string;
  readonly tail: string;
}

/** A bracket expression from `[` on; undefined when it is malformed (filepath.ErrBadPattern). */
function readSet(chars: readonly string[], start: number): { token: Token; end: number } | undefined {
  let at = start + 1;
  const negated = chars[at] === '^';
  if (negated) at++;
  const ranges: (readonly [string, string])[] = [];
  const one = (): string | undefined => {
    const char = chars[at];
    if (char === undefined || char === '-' || char === ']') return undefined;
    if (char === '\\') at++;
    return chars[at++];
  };
  while (chars[at] !== ']' || ranges.length === 0) {
    const low = one();
    if (low === undefined) return undefined;
    let high: string | undefined = low;
    if (chars[at] === '-') {
      at++;
      high = one();
      if (high === undefined) return undefined;
    }
    ranges.push([low, high]);
  }
  return { token: { kind: 'set', negated, ranges }, end: at + 1 };
}

/**
 * `text` is clean (no `./`, no doubled or trailing slashes). Undefined when it is malformed: a `[` without end, a trailing backslash.
 * `**` is any number of folders with what follows, anything at the end, and, first in an otherwise plain pattern without a slash
 * behind it (`**.md`), any beginning of a name: as moby does it.
 */
export function parseGlob(text: string): Glob | undefined {
  const chars = [...text];
  const tokens: Token[] = [];
  for (let at = 0; at < chars.length; ) {
    const char = chars[at]!;
    if (char === '*' && chars[at + 1] === '*') {
      const slash = chars[at + 2] === '/';
      at += slash ? 3 : 2;
      const rest = at >= chars.length || (tokens.length === 0 && !slash && isPlain(chars.slice(at)));
      tokens.push(
        ...(rest ? [{ kind: 'rest' } as const] : [{ kind: 'folders' } as const, { kind: 'within' } as const]),
      );
    } else if (char === '[') {
      const set = readSet(chars, at);
      if (set === undefined) return undefined;
      tokens.push(set.token);
      at = set.end;
    } else if (char === '\\') {
      if (at + 1 >= chars.length) return undefined;
      tokens.push({ kind: 'text', char: chars[at + 1]! });
      at += 2;
    } else {
      tokens.push(char === '*' ? { kind: 'star' } : char === '?' ? { kind: 'any' } : { kind: 'text', char });
      at++;
    }
  }
  const first = tokens.findIndex(({ kind }) => kind !== 'text');
  const last = tokens.findLastIndex(({ kind }) => kind !== 'text');
  const plainText = (part: readonly Token[]) => part.map((token) => ('char' in token ? token.char : '')).join('');
  const head = plainText(first < 0 ? tokens : tokens.slice(0, first));
  return { text, tokens, head, tail: plainText(tokens.slice(last + 1)), ...(first < 0 && { literal: head }) };
}

const isPlain = (chars: readonly string[]): boolean => !chars.some((char) => '*?[]\\'.includes(char));

const inSet = (token: Token & { kind: 'set' }, char: string): boolean =>
  token.ranges.some(([low, high]) => low <= char && char <= high) !== token.negated;

/** The states after `char`; a state is the number of tokens that are done. */
function step({ tokens }: Glob, states: ReadonlySet<number>, char: string): Set<number> {
  const next = new Set<number>();
  for (const state of states) {
    const token = tokens[state];
    if (token === undefined) continue;
    if (token.kind === 'text') {
      if (token.char === char) next.add(state + 1);
    } else if (token.kind === 'any') {
      if (char !== '/') next.add(state + 1);
    } else if (token.kind === 'star') {
      if (char !== '/') next.add(state);
    } else if (token.kind === 'set') {
      if (inSet(token, char)) next.add(state + 1);
    } else if (token.kind === 'rest') next.add(state);
    else {
      const within = token.kind === 'folders' ? state + 1 : state;
      next.add(within);
      if (char === '/') next.add(within + 1);
    }
  }
  return settle(tokens, next);
}

/** Adds the states that are reached without a character. */
function settle(tokens: readonly Token[], states: Set<number>): Set<number> {
  for (const state of states) {
    const kind = tokens[state]?.kind;
    if (kind === 'star' || kind === 'rest') states.add(state + 1);
    if (kind === 'folders') states.add(state + 2);
  }
  return states;
}

function after(glob: Glob, text: string): ReadonlySet<number> {
  let states: ReadonlySet<number> = settle(glob.tokens, new Set([0]));
  for (const char of text) {
    if (states.size === 0) return states;
    states = step(glob, states, char);
  }
  return states;
}

/** `path`: relative, clean, with slashes. */
export const matchesGlob = (glob: Glob, path: string): boolean =>
  glob.literal === undefined
    ? path.startsWith(glob.head) && path.endsWith(glob.tail) && after(glob, path).has(glob.tokens.length)
    : glob.literal === path;

/** Whether something strictly below this folder could match. */
export const mayMatchBelow = (glob: Glob, folder: string): boolean =>
  glob.literal === undefined ? after(glob, `${folder}/`).size > 0 : glob.literal.startsWith(`${folder}/`);
