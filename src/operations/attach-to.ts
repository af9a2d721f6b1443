/** The streams of one running container of a service, joined to those of this process. */
import type { Context, Target } from './context.ts';
import { find, notRunning, oneOf } from './lives.ts';

export interface AttachToOptions {
  readonly service: string;
  /** Replica; the lowest number when absent. */
  readonly index?: number;
  readonly stdin: boolean;
  readonly detachKeys: string;
  readonly proxySignals: boolean;
}

/** Its exit code; undefined: left by the detach keys. */
export async function attachTo(
  context: Context,
  target: Target,
  { service, index, ...request }: AttachToOptions,
): Promise<number | undefined> {
  const live = oneOf(await find(context, target), target, service, index);
  if (live.status !== 'running' && live.status !== 'paused') throw notRunning(service, index, live.status);
  return context.engine.containers.attach(live.name, {
    ...request,
    stdin: request.stdin && live.madeFrom.stdinOpen,
    proxySignals: request.proxySignals && !live.madeFrom.tty,
  });
}
