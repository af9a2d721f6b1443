/** Pauses and unpauses running containers: all their processes stand still, and go on from there. */
import { TcomposeError, TcomposeErrors } from '../model/errors.ts';
import type { LiveContainer } from '../model/live.ts';
import type { Plan } from '../model/plan.ts';
import { isActive } from '../plan/inputs.ts';
import { planPause } from '../plan/pause.ts';
import { carryOut, withLock } from './carry-out.ts';
import type { Context, Target } from './context.ts';
import { find, ofServices } from './lives.ts';

export interface PauseOptions {
  readonly services?: readonly string[];
}

export const pause = (context: Context, target: Target, options: PauseOptions = {}): Promise<Plan> =>
  change(context, target, options, 'pause');

export const unpause = (context: Context, target: Target, options: PauseOptions = {}): Promise<Plan> =>
  change(context, target, options, 'unpause');

/** As docker compose: what does not run is passed over, what is so already is an error, after all others were done. */
async function change(
  context: Context,
  target: Target,
  { services }: PauseOptions,
  verb: 'pause' | 'unpause',
): Promise<Plan> {
  return withLock(context, target.name, verb, async () => {
    const found = await find(context, target);
    const active = ofServices(found, target, services).filter(isActive);
    const isPaused = ({ status }: LiveContainer) => status === 'paused';
    const fits = (live: LiveContainer) => isPaused(live) === (verb === 'unpause');
    const plan = planPause({ project: target.name, containers: active.filter(fits), verb });
    await carryOut(context, plan);
    const errors = active.filter((live) => !fits(live)).map(({ name }) => alreadySo(name, verb));
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new TcomposeErrors(errors);
    return plan;
  });
}

const alreadySo = (name: string, verb: 'pause' | 'unpause') =>
  new TcomposeError(`container ${name} is ${verb === 'pause' ? 'already' : 'not'} paused`, {
    code: verb === 'pause' ? 'container-paused' : 'container-not-paused',
    address: `container/${name}`,
  });
