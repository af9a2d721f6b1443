/** What the containers of a project printed, as one stream in the order of time. */
import type { LogLine, LogOptions } from '../model/engine.ts';
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer } from '../model/live.ts';
import { serviceOf } from '../plan/labels.ts';
import type { Context, Target } from './context.ts';
import { type Found, find, ofServices, oneOf } from './lives.ts';
import { asTheyCome, inOrder } from './merge.ts';
import { sourceOf } from './sources.ts';
import { isEarlier } from './words.ts';

export interface LogsOptions {
  readonly services?: readonly string[];
  /** One replica; needs exactly one service. */
  readonly index?: number;
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

export interface ServiceLogLine extends LogSource {
  readonly line: LogLine;
}

export interface Logs {
  readonly sources: readonly LogSource[];
  readonly lines: AsyncIterable<ServiceLogLine>;
}

/** The sources are known before the first line, so that prefixes can be aligned. */
export async function logs(context: Context, target: Target, options: LogsOptions = {}): Promise<Logs> {
  const found = await find(context, target);
  const { services = [], index } = options;
  const chosen =
    index === undefined ? attached(found, target, services) : [oneOf(found, target, oneService(services), index)];
  const sources = chosen.map((live) => sourceOf(live, target.name));
  return { sources, lines: options.follow ? followed(context, sources, options) : written(context, sources, options) };
}

/** Services with `attach: false` are shown when they are named. */
function attached(found: Found, target: Target, services: readonly string[]): readonly LiveContainer[] {
  const all = ofServices(found, target, services);
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

const isBefore = (a: ServiceLogLine, b: ServiceLogLine): boolean => isEarlier(a.line.time, b.line.time);

function written(context: Context, sources: readonly LogSource[], options: LogsOptions): AsyncIterable<ServiceLogLine> {
  return inOrder(
    sources.map((source) => linesOf(context, source, { ...options, follow: false })),
    isBefore,
  );
}

/** Old lines in the order of time, then new ones as they come. The seam is a little in the past: what is older is on disk. */
const SEAM_MS = 100;

async function* followed(
  context: Context,
  sources: readonly LogSource[],
  options: LogsOptions,
): AsyncGenerator<ServiceLogLine> {
  const seamMs = Math.max(context.clock() - SEAM_MS, options.sinceMs ?? 0);
  yield* written(context, sources, { ...options, untilMs: seamMs - 1 });
  if (options.untilMs !== undefined && options.untilMs < seamMs) return;
  const { tail: _, ...rest } = options;
  yield* asTheyCome(sources.map((source) => linesOf(context, source, { ...rest, follow: true, sinceMs: seamMs })));
}

export async function* linesOf(
  { engine, signal }: Context,
  source: LogSource,
  { follow = false, tail, sinceMs, untilMs }: LogsOptions,
): AsyncGenerator<ServiceLogLine> {
  const wish: LogOptions = {
    follow,
    ...(tail === undefined ? {} : { tail }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(untilMs === undefined ? {} : { untilMs }),
  };
  for await (const line of engine.containers.logs(source.container, wish, signal)) yield { ...source, line };
}
