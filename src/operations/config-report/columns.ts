/** Aligned columns, three spaces apart, the last one ragged. */

export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, index) => cell.padEnd(widths[index]! + 3))
          .join('')
          .trimEnd()}\n`,
    )
    .join('');
}
