/** `--chmod`: octal (all twelve bits), or as chmod(1) has it (`u+x,go-w`), in BuildKit's reading. Pure. */
import { TcomposeError } from '../../../src/model/errors.ts';

/** The new mode of a file or folder. */
export type Chmod = (mode: number, isFolder: boolean) => number;

export function parseChmod(text: string): Chmod {
  if (/^[0-7]+$/.test(text)) {
    const value = Number.parseInt(text, 8);
    if (value > 0o7777) throw invalid(text);
    return () => value;
  }
  const steps = text.split(',').flatMap((clause) => parseClause(clause, text));
  return (mode, isFolder) => steps.reduce((now, step) => step(now, isFolder), mode);
}

const invalid = (text: string): TcomposeError =>
  new TcomposeError(`invalid chmod parameter: ${JSON.stringify(text)}`, {
    code: 'bad-copy',
    help: 'write an octal number between 0 and 07777 (--chmod=755), or what chmod takes (--chmod=u+x,go-w)',
  });

const WHO: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o1007, a: 0o7777 };
const ALL_BITS: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111, s: 0o6000, t: 0o1000 };
const SHIFT: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

type Step = (mode: number, isFolder: boolean) => number;

function parseClause(clause: string, whole: string): readonly Step[] {
  const parts = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/.exec(clause);
  if (parts === null) throw invalid(whole);
  const who = [...(parts[1] || 'a')].reduce((bits, one) => bits | WHO[one]!, 0);
  return [...parts[2]!.matchAll(/([-+=])([ugo]|[rwxXst]*)/g)].map(([, sign, letters]): Step => {
    return (mode, isFolder) => {
      const bits = bitsOf(letters!, mode, isFolder) & (letters!.includes('t') ? who | 0o1000 : who);
      if (sign === '+') return mode | bits;
      if (sign === '-') return mode & ~bits;
      // What is not named goes; set-id and sticky bits of folders only where they are named, as chmod(1) has it.
      return (mode & ~(isFolder ? who & 0o777 : who)) | bits;
    };
  });
}

/** `X`: may be run, where somebody may already, or where it is a folder. `u`, `g`, `o`: what those have. */
function bitsOf(letters: string, mode: number, isFolder: boolean): number {
  const shift = SHIFT[letters];
  if (shift !== undefined) return ((mode >> shift) & 7) * 0o111;
  return [...letters].reduce((bits, letter) => {
    if (letter === 'X') return isFolder || (mode & 0o111) !== 0 ? bits | 0o111 : bits;
    return bits | ALL_BITS[letter]!;
  }, 0);
}
