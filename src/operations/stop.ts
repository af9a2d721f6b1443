/** Stops containers, those that depend on others first. */
import type { Plan } from '../model/plan.ts';
import { planStop } from '../plan/lifecycle.ts';
import { carryOut, withLock } from './carry-out.ts';
import type { Context, Target } from './context.ts';
import { find, ofServices } from './lives.ts';

export interface StopOptions {
  readonly services?: readonly string[];
  readonly timeoutMs?: number;
}

export async function stop(context: Context, target: Target, options: StopOptions = {}): Promise<Plan> {
  return withLock(context, target.name, 'stop', async () => {
    const found = await find(context, target);
    const containers = ofServices(found, target, options.services);
    const plan = planStop({ project: target.name, containers, dependencies: found.dependencies }, options);
    await carryOut(context, plan);
    return plan;
  });
}
