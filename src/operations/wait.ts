/** Waits until containers have ended, each by itself or by somebody else. */
import type { Engine } from '../model/engine.ts';
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer } from '../model/live.ts';
import { isActive } from '../plan/inputs.ts';
import { serviceOf } from '../plan/labels.ts';
import type { Context, Target } from './context.ts';
import { checkServices, find } from './lives.ts';

export interface WaitEnd {
  readonly id: string;
  readonly exitCode: number;
}

/** All that run of the services, one-offs too, as Compose; the code is that of the last one to end. */
export async function wait(
  context: Context,
  target: Target,
  services: readonly string[],
  onEnd: (end: WaitEnd) => void,
): Promise<number> {
  const found = await find(context, target);
  checkServices(found, target, services);
  const containers = found.containers.filter((live) => isActive(live) && services.includes(serviceOf(live)));
  if (containers.length === 0) throw noContainers(target.name);
  let code = 0;
  await Promise.all(
    containers.map(async (live) => {
      code = await endOf(context.engine, live, context.signal);
      onEnd({ id: live.id, exitCode: code });
    }),
  );
  return code;
}

/** One that waits for its restart runs, as Docker sees it. A removed one has ended as it was last seen. */
async function endOf(engine: Engine, live: LiveContainer, signal: AbortSignal): Promise<number> {
  let { exitCode } = live;
  for await (const change of engine.containers.watch(live.name, signal)) {
    exitCode = change.exitCode;
    if (change.status === 'exited' || change.status === 'dead' || change.status === 'created') break;
  }
  if (signal.aborted) throw interrupted();
  return exitCode;
}

const noContainers = (project: string) =>
  new TcomposeError(`no containers for project "${project}" that run`, {
    code: 'no-container',
    help: 'start them:\n  tcompose up -d',
  });

const interrupted = () =>
  new TcomposeError('interrupted', { code: 'interrupted', help: 'nothing was changed', exitCode: 130 });
