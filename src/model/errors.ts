/** The two kinds of thrown error: an action that failed, and a bug of ours. Findings about files are Diagnostics. */
import type { SourceRange } from './source.ts';

export interface FailureDetails {
  /** Stable, kebab-case: what tests and programs match on. */
  readonly code: string;
  /** What it happened to: `container/web-1`, `network/default`, `image/nginx:1.27`. */
  readonly address?: string;
  /** Where the user asked for it. */
  readonly at?: SourceRange;
  /** What to do, in the imperative. */
  readonly help?: string;
  readonly cause?: unknown;
  /** Process exit code when this ends the command; 1 when absent (src/cli/exit-codes.ts). */
  readonly exitCode?: number;
}

/** An action failed for a reason outside of tcompose. The message is one clause: lower case, no final period. */
export class TcomposeError extends Error {
  readonly code: string;
  readonly address: string | undefined;
  readonly at: SourceRange | undefined;
  readonly help: string | undefined;
  readonly exitCode: number;

  constructor(message: string, details: FailureDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'TcomposeError';
    this.code = details.code;
    this.address = details.address;
    this.at = details.at;
    this.help = details.help;
    this.exitCode = details.exitCode ?? 1;
  }
}

/** Several independent failures of one operation, reported together. */
export class TcomposeErrors extends Error {
  readonly errors: readonly Error[];
  constructor(errors: readonly Error[]) {
    super(errors.map((error) => error.message).join('; '));
    this.name = 'TcomposeErrors';
    this.errors = errors;
  }
}

/** Holds, or this is a bug in tcompose. */
export function invariant(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(`this is a bug in tcompose: ${what}`);
}
