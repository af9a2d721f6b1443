/** What happens to a project's containers, as Compose tells it: without one-offs. */
import type { EngineEvent } from '../model/engine.ts';
import { isOneOff, serviceOf } from '../plan/labels.ts';
import type { Context, Target } from './context.ts';
import { checkServices, find } from './lives.ts';

export interface EventsOptions {
  readonly services?: readonly string[];
  /** Milliseconds since 1970. Of what was before now, only what can still be seen of each container is known. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

export interface ProjectEvent {
  readonly event: EngineEvent;
  readonly service: string;
}

export async function* events(context: Context, target: Target, options: EventsOptions): AsyncGenerator<ProjectEvent> {
  const { services = [], sinceMs, untilMs } = options;
  const found = await find(context, target);
  checkServices(found, target, services);
  const isMeant = ({ labels }: EngineEvent) => {
    const live = { madeFrom: { labels } };
    return !isOneOff(live) && (services.length === 0 || services.includes(serviceOf(live)));
  };
  const isInTime = ({ at }: EngineEvent) => untilMs === undefined || Date.parse(at) <= untilMs;
  const tell = (event: EngineEvent): ProjectEvent => ({ event, service: serviceOf({ madeFrom: event }) });
  const leftMs = untilMs === undefined ? undefined : untilMs - context.clock();
  const signal = leftMs === undefined ? context.signal : AbortSignal.any([context.signal, endAfter(leftMs)]);
  const filter = { project: target.name, ...(sinceMs === undefined ? {} : { sinceMs }) };
  for await (const event of context.engine.containers.events(filter, signal)) {
    if (isMeant(event) && isInTime(event)) yield tell(event);
  }
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

const endAfter = (ms: number): AbortSignal =>
  ms <= 0 ? AbortSignal.abort() : AbortSignal.timeout(Math.min(Math.ceil(ms), LONGEST_TIMER_MS));
