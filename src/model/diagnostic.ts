/** A finding about the user's files: collected, never thrown. */
import type { SourceRange } from './source.ts';

/** `code` is one of DIAGNOSTIC_CODES in src/load/codes.ts; kept a string here so that the model imports nothing. */
export interface Diagnostic {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  /** One clause, lower case, no final period: what is wrong, with the name as the user wrote it. */
  readonly summary: string;
  /** Absent only where no file is involved (a missing file, an environment variable). */
  readonly at?: SourceRange;
  /** A few words under the marker of the code frame. */
  readonly label?: string;
  /** What to do, in the imperative; a command stands alone on an indented line. */
  readonly help?: string;
  readonly related?: readonly { readonly at: SourceRange; readonly label: string }[];
}
