/** Applies a plan under the project's lock, and turns what failed into errors that know the line of the file. */
import { TcomposeError, TcomposeErrors } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import type { Origin } from '../plan/desire.ts';
import { type ApplyResult, apply } from '../reconcile/apply.ts';
import type { Context } from './context.ts';
import { located } from './locate.ts';

export async function withLock<T>(
  context: Context,
  project: string,
  command: string,
  act: () => Promise<T>,
): Promise<T> {
  const lock = await context.engine.lock(project, command);
  try {
    return await act();
  } finally {
    await lock.release();
  }
}

export interface CarryOutOptions {
  readonly origin?: Origin;
  /** For `--wait`: not all of it may take longer. */
  readonly withinMs?: number;
  /** Texts of secrets that builds use, by digest. */
  readonly contents?: ReadonlyMap<string, Uint8Array>;
}

/** A plan without steps is said to be one too: whoever watches sees that nothing was to be done. */
export async function carryOut(context: Context, plan: Plan, options: CarryOutOptions = {}): Promise<ApplyResult> {
  for (const text of plan.warnings) context.emit({ type: 'warning', text });
  const { withinMs, contents } = options;
  const signal =
    withinMs === undefined ? context.signal : AbortSignal.any([context.signal, AbortSignal.timeout(withinMs)]);
  const { engine, emit, clock } = context;
  const result = await apply(plan, { engine, emit, clock, signal, ...(contents ? { contents } : {}) });
  const errors = distinctErrors(result, options.origin);
  if (result.interrupted) errors.push(context.signal.aborted ? interrupted() : tooLate(withinMs ?? 0));
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new TcomposeErrors(errors);
  return result;
}

/** What the engine throws about a whole call came back once for each step of it: it is one error. */
function distinctErrors(result: ApplyResult, origin: Origin | undefined): Error[] {
  const byCause = new Map<Error, Error>();
  for (const { step, error } of result.failed) {
    for (const one of error instanceof TcomposeErrors ? error.errors : [error]) {
      if (!byCause.has(one)) byCause.set(one, located(one, origin, step));
    }
  }
  return [...byCause.values()];
}

const interrupted = () =>
  new TcomposeError('interrupted', {
    code: 'interrupted',
    help: 'what was begun has been finished; the same command goes on from there',
    exitCode: 130,
  });

const tooLate = (withinMs: number) =>
  new TcomposeError(`application not healthy after ${withinMs / 1000}s`, {
    code: 'wait-timeout',
    help: 'see `tcompose ps` and `tcompose logs`, or give it longer with --wait-timeout',
  });
