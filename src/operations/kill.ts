/** Sends a signal to running containers. */
import type { Plan } from '../model/plan.ts';
import { serviceOf } from '../plan/labels.ts';
import { planKill } from '../plan/lifecycle.ts';
import { carryOut } from './carry-out.ts';
import type { Context, Target } from './context.ts';
import { checkServices, find } from './lives.ts';

export interface KillOptions {
  readonly services?: readonly string[];
  /** `SIGKILL` when absent; `HUP`, `SIGHUP`, `1`, … */
  readonly signal?: string;
  /** Those of services that the file does not have are sent the signal too. */
  readonly removeOrphans?: boolean;
}

/** One-offs too, as Compose does. Takes no lock: a second Ctrl-C must get through while a stop waits for its grace period. */
export async function kill(context: Context, target: Target, options: KillOptions = {}): Promise<Plan> {
  const found = await find(context, target);
  const { services = [], signal = 'SIGKILL' } = options;
  checkServices(found, target, services);
  const file = target.project;
  const isMeant = (service: string) =>
    services.length > 0
      ? services.includes(service)
      : !file ||
        options.removeOrphans === true ||
        Object.hasOwn(file.services, service) ||
        Object.hasOwn(file.disabledServices, service);
  const containers = found.containers.filter((live) => isMeant(serviceOf(live)));
  const plan = planKill({ project: target.name, containers, dependencies: found.dependencies }, { signal });
  await carryOut(context, plan);
  return plan;
}
