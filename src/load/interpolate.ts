/** `${VAR}` substitution in one string, with every operator of the Compose Specification; defaults nest and are lazy. */

export type Lookup = (name: string) => string | undefined;

import { MAX_TEXT } from './limits.ts';

/** One use of a variable, for `config --variables` and for the warning about unset ones. */
export interface VariableUse {
  readonly name: string;
  readonly operator: '' | ':-' | '-' | ':?' | '?' | ':+' | '+';
  readonly word: string;
}

/** A variable that has no value, and what stands in for it. */
export interface Taken {
  readonly name: string;
  readonly value: string;
}

export type Interpolated =
  | {
      readonly ok: true;
      readonly text: string;
      readonly unset: readonly string[];
      readonly defaulted: readonly Taken[];
    }
  | { readonly ok: false; readonly problem: 'malformed'; readonly expression: string }
  | {
      readonly ok: false;
      readonly problem: 'required';
      readonly expression: string;
      readonly name: string;
      readonly message: string;
    };

const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;
const MAX_NESTING = 50;

class Failure extends Error {
  readonly result: Interpolated & { ok: false };
  constructor(result: Interpolated & { ok: false }) {
    super(result.problem);
    this.result = result;
  }
}

export function interpolate(text: string, lookup: Lookup): Interpolated {
  if (!text.includes('$')) return { ok: true, text, unset: [], defaulted: [] };
  const found: Found = { unset: [], defaulted: [] };
  try {
    return { ok: true, text: substitute(text, (use, depth) => evaluate(use, lookup, found, depth), 0), ...found };
  } catch (error) {
    if (error instanceof Failure) return error.result;
    throw error;
  }
}

/** Every variable that a string names, in defaults too; nothing for a malformed one. */
export function variablesIn(text: string): readonly VariableUse[] {
  const uses: VariableUse[] = [];
  const note = (use: VariableUse, depth: number): string => {
    uses.push(use);
    substitute(use.word, note, depth + 1);
    return '';
  };
  try {
    if (text.includes('$')) substitute(text, note, 0);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
  return uses;
}

type Evaluate = (use: VariableUse & { expression: string }, depth: number) => string;

function substitute(text: string, value: Evaluate, depth: number): string {
  if (depth > MAX_NESTING) throw malformed(text);
  let result = '';
  let at = 0;
  for (let dollar = text.indexOf('$'); dollar !== -1; dollar = text.indexOf('$', at)) {
    result += text.slice(at, dollar);
    // Values of values of values double quickly.
    if (result.length > MAX_TEXT) throw malformed(text);
    const next = text.charAt(dollar + 1);
    if (next === '$') {
      result += '$';
      at = dollar + 2;
    } else if (next === '{') {
      const end = closingBrace(text, dollar + 1);
      if (end === undefined) throw malformed(text.slice(dollar));
      const expression = text.slice(dollar, end + 1);
      result += value(parseBraced(expression), depth);
      at = end + 1;
    } else {
      const name = NAME.exec(text.slice(dollar + 1, dollar + 256))?.[0];
      // A lone dollar is text: `^a$`, `$1`.
      result += name === undefined ? '$' : value({ name, operator: '', word: '', expression: `$${name}` }, depth);
      at = dollar + 1 + (name?.length ?? 0);
    }
  }
  if (result.length > MAX_TEXT) throw malformed(text);
  return result + text.slice(at);
}

function closingBrace(text: string, open: number): number | undefined {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 0x7b) depth += 1;
    else if (char === 0x7d) {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return undefined;
}

function parseBraced(expression: string): VariableUse & { expression: string } {
  const inside = expression.slice(2, -1);
  const name = NAME.exec(inside)?.[0];
  if (name === undefined) throw malformed(expression);
  const rest = inside.slice(name.length);
  if (rest === '') return { name, operator: '', word: '', expression };
  const operator = /^(?::[-?+]|[-?+])/.exec(rest)?.[0] as VariableUse['operator'] | undefined;
  if (operator === undefined) throw malformed(expression);
  return { name, operator, word: rest.slice(operator.length), expression };
}

function malformed(expression: string): Failure {
  return new Failure({ ok: false, problem: 'malformed', expression });
}

interface Found {
  readonly unset: string[];
  readonly defaulted: Taken[];
}

function evaluate(use: VariableUse & { expression: string }, lookup: Lookup, found: Found, depth: number): string {
  const value = lookup(use.name);
  const missing = use.operator.startsWith(':') ? value === undefined || value === '' : value === undefined;
  const word = () => substitute(use.word, (inner, at) => evaluate(inner, lookup, found, at), depth + 1);
  const fallback = () => {
    const taken = { name: use.name, value: word() };
    found.defaulted.push(taken);
    return taken.value;
  };
  switch (use.operator) {
    case '':
      if (value === undefined) found.unset.push(use.name);
      return value ?? '';
    case ':-':
    case '-':
      return missing ? fallback() : (value ?? '');
    case ':+':
    case '+':
      return missing ? '' : word();
    case ':?':
    case '?':
      if (!missing) return value ?? '';
      throw new Failure({
        ok: false,
        problem: 'required',
        expression: use.expression,
        name: use.name,
        message: word(),
      });
  }
}
