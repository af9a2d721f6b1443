/** Stops and starts containers as they are; changes of the file are not applied. */
import type { Plan } from '../model/plan.ts';
import { serviceOf } from '../plan/labels.ts';
import { planRestart } from '../plan/lifecycle.ts';
import { carryOut, withLock } from './carry-out.ts';
import type { Context, Target } from './context.ts';
import { find, ofServices, startable } from './lives.ts';

export interface RestartOptions {
  readonly services?: readonly string[];
  readonly timeoutMs?: number;
  /** Leave those alone whose depends_on says `restart: true`. */
  readonly noDeps?: boolean;
}

export async function restart(context: Context, target: Target, options: RestartOptions = {}): Promise<Plan> {
  return withLock(context, target.name, 'restart', async () => {
    const found = await find(context, target);
    const named = new Set(startable(found, target, options.services).map(serviceOf));
    const containers = ofServices(found, target);
    const plan = planRestart(
      { project: target.name, containers, dependencies: found.dependencies },
      { ...options, services: named },
    );
    await carryOut(context, plan);
    return plan;
  });
}
