/** The processes of a project's containers, in the words of `ps -ef`. */
import type { ProcessFact } from '../model/engine.ts';
import { TcomposeError } from '../model/errors.ts';
import { numberOf, serviceOf } from '../plan/labels.ts';
import type { Context, Target } from './context.ts';
import { find, ofServices } from './lives.ts';

export interface TopRow {
  readonly service: string;
  readonly number: number;
  readonly process: ProcessFact;
}

/** What does not run is passed over. */
export async function top(
  context: Context,
  target: Target,
  { services }: { readonly services?: readonly string[] } = {},
): Promise<readonly TopRow[]> {
  const found = await find(context, target);
  const running = ofServices(found, target, services).filter(({ pid }) => pid > 0);
  const all = await Promise.all(
    running.map(async (live) => {
      const processes = await context.engine.containers.processes(live.name).catch(noneIfEnded);
      return processes.map((process) => ({ service: serviceOf(live), number: numberOf(live), process }));
    }),
  );
  return all.flat();
}

/** Between the look and the list. */
function noneIfEnded(error: unknown): readonly ProcessFact[] {
  if (error instanceof TcomposeError && error.code === 'container-not-running') return [];
  throw error;
}
