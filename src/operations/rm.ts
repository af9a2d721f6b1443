/** Removes stopped containers. */
import type { Plan } from '../model/plan.ts';
import { planRm } from '../plan/lifecycle.ts';
import { carryOut, withLock } from './carry-out.ts';
import type { Context, Target } from './context.ts';
import { find, ofServices } from './lives.ts';

export interface RmOptions {
  readonly services?: readonly string[];
  /** Stop running ones first. */
  readonly stop?: boolean;
  /** Their anonymous volumes too. */
  readonly volumes?: boolean;
  /** Asked with the names before anything is done; absent: yes (`--force`). */
  readonly confirm?: (names: readonly string[]) => Promise<boolean>;
}

/** Refused consent gives the plan without steps. */
export async function rm(context: Context, target: Target, options: RmOptions = {}): Promise<Plan> {
  return withLock(context, target.name, 'rm', async () => {
    const found = await find(context, target);
    const containers = ofServices(found, target, options.services);
    const plan = planRm({ project: target.name, containers, dependencies: found.dependencies }, options);
    const names = plan.steps.flatMap(({ action }) => (action.kind === 'container.remove' ? [action.container] : []));
    if (names.length > 0 && options.confirm && !(await options.confirm(names))) return { ...plan, steps: [] };
    await carryOut(context, plan);
    return plan;
  });
}
