/** Where something was written, as short as the reader's folder allows. */
import { posix } from 'node:path';
import { type Mark, rangeOf } from '../../load/tree.ts';

export function placeOf(place: Mark | string, folder: string): string {
  if (typeof place === 'string') return shorter(place, folder);
  const { file, start, copy } = rangeOf(place);
  return `${copy === undefined ? shorter(file, folder) : file}:${start.line}:${start.column}`;
}

function shorter(file: string, folder: string): string {
  const short = posix.relative(folder, file);
  return short.startsWith('..') ? file : short;
}
