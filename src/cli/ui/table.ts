/** Aligned columns as the docker CLI prints them: three spaces between, none narrower than ten with them, the last one not padded. */
import { printableInLine } from './paint.ts';

const LEAST = 7;

export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows].map((line) => line.map((cell) => printableInLine(cell ?? '')));
  const widths = header.map((_, column) => Math.max(LEAST, ...lines.map((line) => widthOf(line[column] ?? ''))));
  return lines.map((line) => `${alignLine(line, widths)}\n`).join('');
}

function alignLine(line: readonly string[], widths: readonly number[]): string {
  const last = line.length - 1;
  return line
    .map((cell, column) => (column === last ? cell : cell + ' '.repeat(widths[column]! - widthOf(cell) + 3)))
    .join('');
}

/** In characters, not UTF-16 units: an ellipsis or an accent must not shift the columns. */
const widthOf = (text: string): number => (/^[\x20-\x7e]*$/.test(text) ? text.length : [...text].length);
