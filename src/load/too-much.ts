/** What ends a load at once: a limit of the whole project is passed, and whatever else is found after that would not be worth its price. */
import type { DiagnosticCode } from './codes.ts';
import type { Mark } from './tree.ts';

/** Thrown where the limit is passed, caught where the load began: one message, however many files and services are still to come. */
export class TooMuch extends Error {
  readonly code: DiagnosticCode;
  readonly at: Mark | undefined;
  readonly help: string | undefined;
  constructor(
    summary: string,
    { code = 'too-large', at, help }: { code?: DiagnosticCode; at?: Mark | undefined; help?: string } = {},
  ) {
    super(summary);
    this.code = code;
    this.at = at;
    this.help = help;
  }
}
