/** A Go template cut into texts and actions, and an action into its words, each with its place. */
import { usageError } from '../args.ts';

export type Token =
  | { readonly kind: 'field'; readonly path: readonly string[]; readonly at: number }
  | { readonly kind: 'variable'; readonly name: string; readonly path: readonly string[]; readonly at: number }
  | { readonly kind: 'word' | 'sign'; readonly text: string; readonly at: number }
  | { readonly kind: 'value'; readonly value: string | number | boolean | null; readonly at: number };

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly tokens: readonly Token[]; readonly at: number };

/** Columns count from 1; the text around is the user's own, so the place is enough to find it. */
export function wrong(template: string, at: number, what: string) {
  const line = template.slice(0, at).split('\n').length;
  const column = at - template.lastIndexOf('\n', at - 1);
  return usageError(`--format, ${line}:${column}: ${what}`, `in: ${template}`);
}

export function piecesOf(template: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trims = false;
  for (;;) {
    const open = template.indexOf('{{', at);
    let text = template.slice(at, open < 0 ? undefined : open);
    if (trims) text = text.trimStart();
    const trimsBefore = open >= 0 && /^-\s/.test(template.slice(open + 2, open + 4));
    pieces.push({ kind: 'text', text: trimsBefore ? text.trimEnd() : text });
    if (open < 0) return pieces;
    const start = open + (trimsBefore ? 3 : 2);
    const close = endOf(template, start);
    if (close < 0) throw wrong(template, open, 'unclosed action');
    trims = /\s-$/.test(template.slice(start, close));
    const end = trims ? close - 1 : close;
    if (!/^\s*\/\*/.test(template.slice(start, end)))
      pieces.push({ kind: 'action', tokens: tokensOf(template, start, end), at: open });
    at = close + 2;
  }
}

/** Of an action; what stands in quotes does not end it. */
function endOf(template: string, start: number): number {
  const comment = /^\s*\/\*[\s\S]*?\*\//.exec(template.slice(start))?.[0].length ?? 0;
  const pattern = /"(?:\\.|[^"\\])*"|`[^`]*`|\}\}/g;
  pattern.lastIndex = start + comment;
  for (let found = pattern.exec(template); found !== null; found = pattern.exec(template))
    if (found[0] === '}}') return found.index;
  return -1;
}

const TOKEN =
  /\s+|("(?:\\.|[^"\\])*"|`[^`]*`)|(-?\d+(?:\.\d+)?)(?![\w.])|\$(\w*)((?:\.\w+)*)|((?:\.\w+)+|\.)|([A-Za-z_]\w*)|(:=|[|(),=])/y;

function tokensOf(template: string, start: number, end: number): readonly Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = start;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(template);
    if (found === null || TOKEN.lastIndex > end)
      throw wrong(template, at, `unexpected ${JSON.stringify(template[at])}`);
    const [, quoted, number, variable, path = '', field, word, sign] = found;
    if (quoted !== undefined) tokens.push({ kind: 'value', value: unquoted(template, quoted, at), at });
    else if (number !== undefined) tokens.push({ kind: 'value', value: Number(number), at });
    else if (variable !== undefined) tokens.push({ kind: 'variable', name: variable, path: namesIn(path), at });
    else if (field !== undefined) tokens.push({ kind: 'field', path: namesIn(field), at });
    else if (word === 'true' || word === 'false') tokens.push({ kind: 'value', value: word === 'true', at });
    else if (word === 'nil') tokens.push({ kind: 'value', value: null, at });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, at });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, at });
  }
  return tokens;
}

const namesIn = (path: string): readonly string[] => path.split('.').filter(Boolean);

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', "'": "'" };

function unquoted(template: string, text: string, at: number): string {
  if (text.startsWith('`')) return text.slice(1, -1);
  return text.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)/g, (_, code: string) => {
    if (code.length > 1) return String.fromCodePoint(Number.parseInt(code.slice(1), 16));
    const known = ESCAPES[code];
    if (known === undefined) throw wrong(template, at, `unknown escape \\${code}`);
    return known;
  });
}
