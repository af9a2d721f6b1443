/** Splits a command string into words as the reference does: quotes and backslashes count, nothing is expanded. */

export type Words =
  | {
      readonly ok: true;
      readonly words: readonly string[];
      /** What was dropped: everything from an unquoted ; & | < > on. */
      readonly cut?: string;
    }
  | { readonly ok: false; readonly problem: string };

interface Splitter {
  readonly words: string[];
  word: string | undefined;
  /** `'`, `"`, `` ` `` or `)`: what ends the quotation that is open. */
  closing: string;
}

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', t: '\t' };

export function shellWords(text: string): Words {
  const state: Splitter = { words: [], word: undefined, closing: '' };
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === '\\' && state.closing !== "'") {
      at += 1;
      const next = text[at] ?? '';
      state.word = (state.word ?? '') + (ESCAPED[next] ?? next);
    } else if (state.closing !== '') inQuotes(state, char);
    else if (/[;&|<>]/.test(char)) {
      // `2>file`: the number belongs to what is dropped.
      if (char === '>' && /^\d/.test(state.word ?? '')) state.word = undefined;
      return { ok: true, words: finish(state), cut: text.slice(at) };
    } else if (char === '(' && state.word?.endsWith('$')) {
      state.word += char;
      state.closing = ')';
    } else if (char === '(' || char === ')') return { ok: false, problem: `an unquoted "${char}"` };
    else outside(state, char);
  }
  if (state.closing !== '') return { ok: false, problem: `a missing ${state.closing}` };
  return { ok: true, words: finish(state) };
}

function inQuotes(state: Splitter, char: string): void {
  const isEnd = char === state.closing;
  if (isEnd) state.closing = '';
  if (!isEnd || char === ')' || char === '`') state.word = (state.word ?? '') + char;
}

function outside(state: Splitter, char: string): void {
  if (char === '"' || char === "'") {
    state.closing = char;
    state.word ??= '';
  } else if (/[ \t\r\n]/.test(char)) {
    if (state.word !== undefined) state.words.push(state.word);
    state.word = undefined;
  } else {
    if (char === '`') state.closing = char;
    state.word = (state.word ?? '') + char;
  }
}

function finish(state: Splitter): readonly string[] {
  return state.word === undefined ? state.words : [...state.words, state.word];
}
