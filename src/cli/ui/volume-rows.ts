/** Volumes as a table, by a template, or by their names alone. */
import { renderRows } from './rows.ts';

export async function renderVolumes(
  rows: readonly { readonly Name: string }[],
  { quiet, format }: { readonly quiet: boolean; readonly format: string | undefined },
): Promise<string> {
  if (quiet) return rows.map((row) => `${row.Name}\n`).join('');
  const template = format === undefined || format === 'table' ? 'table {{.Driver}}\t{{.Name}}' : format;
  return renderRows(template, rows, { Name: 'VOLUME NAME' });
}
