/** JSON for programs: one object a line, or one array, as the docker CLI prints each. */

export const jsonLines = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
export const jsonLine = (value: unknown): string => `${JSON.stringify(value)}\n`;
export const jsonPretty = (value: unknown): string => `${JSON.stringify(value, null, 4)}\n`;
