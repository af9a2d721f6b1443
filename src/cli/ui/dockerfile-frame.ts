/** The lines of a Dockerfile around the one that failed, marked as BuildKit marks them. */
import { readFileSync } from 'node:fs';
import type { TcomposeError } from '../../model/errors.ts';
import type { SourceRange } from '../../model/source.ts';
import { printableInLine } from './paint.ts';

const AROUND = 2;
const MAX_WIDTH = 160;
const MAX_LINES = 30;

/** Errors that are about an instruction; others point at a line of a Compose file. */
const isOfBuild = ({ code, at }: TcomposeError): boolean =>
  /^(build|dockerfile)/.test(code) || /(?:^|[/.])dockerfile(?:$|\.)/i.test(at?.file ?? '');

/** Lines of text, none where there is nothing to show. */
export function dockerfileFrame(error: TcomposeError): readonly string[] {
  if (!error.at || !isOfBuild(error)) return [];
  const lines = linesOf(error.at);
  if (lines === undefined) return [];
  const { start, end } = error.at;
  // The end of a whole line is the beginning of the next one.
  const last = end.column <= 1 && end.line > start.line ? end.line - 1 : end.line;
  const width = String(last + AROUND).length;
  const shown: string[] = [];
  for (let number = start.line - AROUND; number <= last + AROUND && shown.length < MAX_LINES; number++) {
    const text = lines.get(number);
    if (text === undefined) continue;
    const mark = number >= start.line && number <= last ? '>>>' : '   ';
    shown.push(`  ${String(number).padStart(width)} | ${mark} ${plain(text)}`.trimEnd());
  }
  return shown;
}

const plain = (text: string): string =>
  printableInLine(text.replace(/\r$/, '').replaceAll('\t', '    ')).slice(0, MAX_WIDTH);

/** By their numbers. Of a text that is no file, only what came with the error. */
function linesOf({ file, copy, shown, start }: SourceRange): ReadonlyMap<number, string> | undefined {
  const text = shown === undefined ? readOrNothing(copy ?? file) : shown;
  const first = shown === undefined ? 1 : start.line;
  return text === undefined ? undefined : new Map(text.split('\n').map((line, index) => [first + index, line]));
}

function readOrNothing(path: string): string | undefined {
  if (!path.startsWith('/')) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
