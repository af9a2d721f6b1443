/** What goes wrong in a build, with the line of the Dockerfile that asked for it. */
import type { Diagnostic } from '../../../src/model/diagnostic.ts';
import { TcomposeError, TcomposeErrors } from '../../../src/model/errors.ts';
import type { SourceRange } from '../../../src/model/source.ts';
import { ExpansionFailure } from '../expand.ts';
import { InstructionMistake } from '../instruction.ts';

/** Mistakes in a Dockerfile, as one error. */
export function asErrors(findings: readonly Diagnostic[]): Error {
  const errors = findings.map(
    ({ code, summary, at, help }) => new TcomposeError(summary, { code, ...(at && { at }), ...(help && { help }) }),
  );
  return errors.length === 1 ? errors[0]! : new TcomposeErrors(errors);
}

/** What an instruction throws, with its place; what has one already keeps it. */
export function placed(error: unknown, at: SourceRange): unknown {
  if (error instanceof InstructionMistake)
    return new TcomposeError(error.message, { code: 'dockerfile', at, ...(error.help && { help: error.help }) });
  if (error instanceof ExpansionFailure)
    return new TcomposeError(`a variable cannot be expanded: ${error.message}`, { code: 'dockerfile', at });
  if (!(error instanceof TcomposeError) || error.at !== undefined) return error;
  const { code, address, help, exitCode, cause } = error;
  return new TcomposeError(error.message, {
    code,
    at,
    exitCode,
    cause,
    ...(address !== undefined && { address }),
    ...(help !== undefined && { help }),
  });
}

export const interrupted = (): TcomposeError =>
  new TcomposeError('interrupted while building', {
    code: 'interrupted',
    help: 'what was built so far is in the cache',
    exitCode: 130,
  });

export function checkSignal(signal: AbortSignal): void {
  if (signal.aborted) throw interrupted();
}
