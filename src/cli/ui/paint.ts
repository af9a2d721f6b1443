/** Colours: names to escape sequences, or to nothing. */

const CODES = {
  bold: '1',
  dim: '2',
  red: '31',
  green: '32',
  yellow: '33',
  blue: '34',
  cyan: '36',
  boldRed: '1;31',
  boldYellow: '1;33',
} as const;

export type Paint = (color: keyof typeof CODES, text: string) => string;

export const paint = (enabled: boolean): Paint =>
  enabled ? (color, text) => `\x1b[${CODES[color]}m${text}\x1b[0m` : (_color, text) => text;

/** Compose's cycle for the prefixes of log lines: each colour once, then each in bold. */
export const PREFIX_COLORS = ['36', '33', '32', '35', '34', '36;1', '33;1', '32;1', '35;1', '34;1'] as const;

/**
 * What a file, an image or a container says is shown without its control characters, and without those that turn the direction of
 * what follows (bidi): it may not draw on the terminal. Lines and tabs stay.
 */
export const printable = (text: string): string =>
  text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escaped);

/** The same in a table or a line of its own, where a newline would begin a row that somebody else wrote. */
export const printableInLine = (text: string): string => printable(text).replace(/[\t\n]/g, escaped);

function escaped(control: string): string {
  const code = control.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
}
