/** Rows as `--format` asks: `json`, or a Go template, which is only read when somebody uses one. */
import { jsonLines } from './json.ts';

/** `headers`: names of columns that are not just the field in capitals with blanks between its words. */
export async function renderRows(
  format: string,
  rows: readonly object[],
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  if (format === 'json') return jsonLines(rows);
  const { renderTemplate } = await import('./template.ts');
  return renderTemplate(format, rows, headers);
}
