/**
 * Whole lines for the quick YAML reader: `key: value`, `key:` and `- value` with a line of content below, which is what most of a
 * file is. One search of a pattern, which runs natively from the first line on, does what takes the functions of quick-yaml.ts a
 * dozen steps each. What is not matched here, they read; what is, they would read the same.
 */
import { plainScalar } from './plain-scalar.ts';
import { type Cursor, plainAt, scalarAt, Unusual } from './quick-scalars.ts';
import type { ScalarNode } from './tree.ts';

/** A colon or a space is part of it where more follows on the line, and ` #` would begin a comment. */
const PLAIN = '[\\w./$~+(][^\\s:]*(?:(?::(?=\\S)| (?=[^\\s#]))[^\\s:]*)*';
const VALUE = `(?:(${PLAIN})|"([^"\\\\\\n\\t]*)"|'([^'\\n\\t]*)')`;
const BELOW = '( ?\\n *)(?=[^\\s#])';
const PAIR = new RegExp(`([A-Za-z_][\\w.-]{0,99}):(?: ${VALUE})?${BELOW}`, 'y');
const ITEM = new RegExp(`(-) ${VALUE}${BELOW}`, 'y');

export interface Line {
  readonly key: string;
  /** undefined: there is only the key on the line. */
  readonly value: ScalarNode | undefined;
}

/** `key: value` or `key:`; the cursor moves to the line below. */
export function readPair(cursor: Cursor, at: number): Line | undefined {
  const line = readLine(cursor, PAIR, at);
  if (line !== undefined && typeof plainScalar(line.key) !== 'string') throw new Unusual();
  return line;
}

/** `- value`; the cursor moves to the line below. */
export function readSimpleItem(cursor: Cursor, at: number): ScalarNode | undefined {
  return readLine(cursor, ITEM, at)?.value;
}

function readLine(cursor: Cursor, pattern: RegExp, at: number): Line | undefined {
  pattern.lastIndex = at;
  const found = pattern.exec(cursor.text);
  if (found === null) return undefined;
  const key = found[1]!;
  const plain = found[2];
  const inside = found[3] ?? found[4];
  const below = found[5]!;
  const end = pattern.lastIndex - below.length;
  cursor.line = end + below.indexOf('\n') + 1;
  cursor.indent = pattern.lastIndex - cursor.line;
  if (plain !== undefined) return { key, value: plainAt(cursor, plain, end - plain.length, end) };
  return { key, value: inside === undefined ? undefined : scalarAt(cursor, inside, end - inside.length - 2, end) };
}
