/** Starts containers that exist, dependencies first, each when what it waits for holds. */
import { TcomposeError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import { withNeeds } from '../plan/dependencies.ts';
import { serviceOf } from '../plan/labels.ts';
import { planStart } from '../plan/lifecycle.ts';
import { carryOut, withLock } from './carry-out.ts';
import type { Context, Target } from './context.ts';
import { find, ofServices, startable } from './lives.ts';

export interface StartOptions {
  readonly services?: readonly string[];
  readonly wait?: boolean;
  readonly waitTimeoutMs?: number;
}

export async function start(context: Context, target: Target, options: StartOptions = {}): Promise<Plan> {
  const { services = [], wait = false, waitTimeoutMs } = options;
  return withLock(context, target.name, 'start', async () => {
    const found = await find(context, target);
    const named = startable(found, target, services);
    for (const name of services.length > 0 ? services : Object.keys(target.project?.services ?? {})) {
      if (!named.some((live) => serviceOf(live) === name)) throw nothingToStart(name);
    }
    const reached = services.length > 0 ? withNeeds(services, found.dependencies) : undefined;
    const containers = reached ? ofServices(found, target, []).filter((live) => reached.has(serviceOf(live))) : named;
    for (const live of services.length > 0 ? named : []) {
      if (live.madeFrom.runs === false)
        context.emit({
          type: 'warning',
          text: `container ${live.name} is there for its volumes (run: false): it is not started`,
        });
    }
    const plan = planStart({ project: target.name, containers, dependencies: found.dependencies }, { wait });
    await carryOut(context, plan, waitTimeoutMs === undefined ? {} : { withinMs: waitTimeoutMs });
    return plan;
  });
}

const nothingToStart = (service: string) =>
  new TcomposeError(`service "${service}" has no container to start`, {
    code: 'no-container',
    address: `service/${service}`,
    help: `make one:\n  tcompose up -d ${service}`,
  });
