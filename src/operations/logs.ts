/** What the containers of a project printed, as one stream in the order of time; and what they go on to print. */
import type { LogLine, LogOptions } from '../model/engine.ts';
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer } from '../model/live.ts';
import { serviceOf } from '../plan/labels.ts';
import type { Context, Target } from './context.ts';
import { keptLines } from './kept-lines.ts';
import { type Found, find, ofServices, oneOf } from './lives.ts';
import { asTheyArrive, LineSource, mergeWritten } from './merge-lines.ts';
import { sourceOf } from './sources.ts';

export interface LogsOptions {
  readonly services?: readonly string[];
  /** One replica; needs exactly one service. */
  readonly index?: number;
  /** Until nothing of it runs any more; containers made meanwhile are shown too. */
  readonly follow?: boolean;
  /** Last N lines of each container. */
  readonly tail?: number;
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

/** Where a line comes from; `prefix` is what Compose prints before it: `web-1`. */
export interface LogSource {
  readonly container: string;
  readonly service: string;
  readonly prefix: string;
}

export interface ServiceLogLines {
  readonly source: LogSource;
  readonly lines: readonly LogLine[];
}

export interface Logs {
  readonly sources: readonly LogSource[];
  readonly batches: AsyncIterable<ServiceLogLines>;
}

/** The sources are known before the first line, so that prefixes can be aligned. */
export async function logs(context: Context, target: Target, options: LogsOptions = {}): Promise<Logs> {
  const chosen = choose(await find(context, target), target, options);
  const sources = chosen.map((live) => sourceOf(live, target.name));
  return {
    sources,
    batches: options.follow ? followed(context, target, chosen, options) : written(context, target, chosen, options),
  };
}

function choose(found: Found, target: Target, { services = [], index }: LogsOptions): readonly LiveContainer[] {
  if (index) return [oneOf(found, target, oneService(services), index)];
  const all = ofServices(found, target, services);
  // Services with `attach: false` are shown when they are named.
  return services.length > 0 ? all : all.filter((live) => target.project?.services[serviceOf(live)]?.attach !== false);
}

function oneService(services: readonly string[]): string {
  const [service] = services;
  if (service !== undefined && services.length === 1) return service;
  throw new TcomposeError('--index needs exactly one service', {
    code: 'usage',
    help: 'name the service whose replica is meant',
    exitCode: 2,
  });
}

async function* written(
  context: Context,
  target: Target,
  chosen: readonly LiveContainer[],
  options: LogsOptions,
): AsyncGenerator<ServiceLogLines> {
  yield* mergeWritten(chosen.map((live) => lineSource(context, target, live, { ...options, follow: false })));
}

/** A stopped container stays among them: whoever starts it again finds its reader where it was. */
async function* followed(
  context: Context,
  target: Target,
  chosen: readonly LiveContainer[],
  options: LogsOptions,
): AsyncGenerator<ServiceLogLines> {
  const over = new AbortController();
  const both = AbortSignal.any([over.signal, context.signal]);
  const known = new Set(chosen.map(({ id }) => id));
  const { tail: _, ...whole } = options;
  const open = (live: LiveContainer, isNew: boolean) =>
    lineSource(context, target, live, isNew ? whole : options, over.signal);
  const sources = chosen.map((live) => open(live, false));
  const timer =
    options.untilMs === undefined ? undefined : setTimeout(() => over.abort(), endOf(options.untilMs, context));
  /** What is new, and whether anything goes on. The events are listened to before the first look. */
  async function* arrivals(): AsyncGenerator<LineSource> {
    const events = context.engine.containers.events({ project: target.name }, both);
    const happening = events[Symbol.asyncIterator]();
    let next = happening.next();
    let wasOn = false;
    for (;;) {
      const now = await look(context, target, options);
      for (const live of now) {
        if (known.has(live.id)) continue;
        known.add(live.id);
        yield open(live, true);
      }
      const isOn = now.some(isAlive);
      wasOn ||= isOn;
      if (!wasOn) break;
      const event = await (isOn ? next : Promise.race([next, pause(BETWEEN_RUNS_MS)]));
      if (event === undefined || event.done) break;
      next = happening.next();
    }
    over.abort();
    next.catch(() => undefined);
  }
  try {
    yield* mergeWritten(sources);
    yield* asTheyArrive(sources, arrivals());
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

/** Containers that are restarted or made anew by a command are gone for so long at most; then the project has ended. */
const BETWEEN_RUNS_MS = 3000;

const pause = (ms: number): Promise<undefined> => new Promise((resolve) => setTimeout(() => resolve(undefined), ms));

const endOf = (untilMs: number, { clock }: Context): number => Math.min(Math.max(0, untilMs - clock()), 2 ** 31 - 1);

const isAlive = ({ status }: LiveContainer): boolean =>
  status === 'running' || status === 'restarting' || status === 'paused';

/** A service that was named may be gone for a moment: it is being made again. */
async function look(context: Context, target: Target, options: LogsOptions): Promise<readonly LiveContainer[]> {
  try {
    return choose(await find(context, target), target, options);
  } catch {
    return [];
  }
}

function lineSource(
  context: Context,
  target: Target,
  live: LiveContainer,
  { follow = false, tail, sinceMs, untilMs }: LogsOptions,
  end?: AbortSignal,
): LineSource {
  const wish: LogOptions = {
    follow,
    ...(end === undefined ? {} : { end }),
    ...(tail === undefined ? {} : { tail }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(untilMs === undefined ? {} : { untilMs }),
  };
  return new LineSource(sourceOf(live, target.name), keptLines(context, live.name, wish, context.signal));
}
