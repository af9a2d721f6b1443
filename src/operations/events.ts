/** What happens to a project's containers, as Compose tells it: without one-offs. */
import type { EngineEvent } from '../model/engine.ts';
import { isOneOff, serviceOf } from '../plan/labels.ts';
import type { Context, Target } from './context.ts';
import { checkServices, find } from './lives.ts';
import { isEarlier } from './words.ts';

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
  if (sinceMs !== undefined) {
    const past = found.containers.flatMap(pastOf).filter((event) => Date.parse(event.at) >= sinceMs);
    past.sort((a, b) => (a.at === b.at ? 0 : isEarlier(a.at, b.at) ? -1 : 1));
    for (const event of past) if (isMeant(event) && isInTime(event)) yield tell(event);
  }
  const leftMs = untilMs === undefined ? undefined : untilMs - context.clock();
  if (leftMs !== undefined && leftMs <= 0) return;
  const signal =
    leftMs === undefined ? context.signal : AbortSignal.any([context.signal, AbortSignal.timeout(Math.ceil(leftMs))]);
  for await (const event of context.engine.containers.events({ project: target.name }, signal)) {
    if (isMeant(event) && isInTime(event)) yield tell(event);
  }
}

/** Nobody keeps a history: its making, and its last start and end. */
function pastOf(live: Awaited<ReturnType<typeof find>>['containers'][number]): readonly EngineEvent[] {
  const { id, name, madeFrom, createdAt, startedAt, finishedAt, exitCode } = live;
  const about = { container: name, id, labels: madeFrom.labels };
  const attributes = { image: madeFrom.image.ref, name };
  const past: EngineEvent[] = [{ ...about, at: createdAt, action: 'create', attributes }];
  if (startedAt !== undefined) past.push({ ...about, at: startedAt, action: 'start', attributes });
  if (finishedAt !== undefined)
    past.push({ ...about, at: finishedAt, action: 'die', attributes: { exitCode: `${exitCode}`, ...attributes } });
  return past;
}
