/**
 * What a foreground `up` shows: the lines of its containers as they come, and how each of them ends. Another command may restart them
 * or make them anew meanwhile: whoever comes back under its name is gone on with.
 */
import type { ContainerChange, LogLine } from '../model/engine.ts';
import { isOneOff, serviceOf } from '../plan/labels.ts';
import type { Context } from './context.ts';
import { keptLines } from './kept-lines.ts';
import type { LogSource } from './logs.ts';
import { asTheyCome } from './merge.ts';
import { sourceOf } from './sources.ts';
import { isEarlier } from './words.ts';

export type AttachTarget = LogSource;

export type AttachEvent =
  | { readonly kind: 'lines'; readonly source: AttachTarget; readonly lines: readonly LogLine[] }
  /** Its process ended; `restarting`: by policy, or by another command, it comes back. */
  | { readonly kind: 'exited'; readonly source: AttachTarget; readonly exitCode: number; readonly restarting: boolean }
  | { readonly kind: 'removed' | 'recreated'; readonly source: AttachTarget };

export interface AttachOptions {
  readonly project: string;
  /** Lines since then are shown. */
  readonly sinceMs: number;
  /** Its own: Ctrl-C lets the lines flow on while stopping. */
  readonly signal: AbortSignal;
}

/** Ends when none of the containers runs any more and nobody is about to start one, or the signal aborts. */
export async function* attach(
  context: Context,
  targets: readonly AttachTarget[],
  { project, sinceMs, signal }: AttachOptions,
): AsyncGenerator<AttachEvent> {
  if (targets.length === 0) return;
  const { engine } = context;
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const services = new Set(targets.map(({ service }) => service));
  const followed = new Set<string>();
  const known = new Set(targets.map(({ container }) => container));
  const remade = new Set<string>();
  const seen = new Map<string, string>();

  const runs = async (name: string): Promise<boolean> => {
    const live = await engine.containers.find(name);
    return live !== undefined && RUNNING.has(live.status);
  };

  /** From its call on it is followed, as often as it comes back before it was looked at again. */
  function follow(source: AttachTarget): AsyncGenerator<AttachEvent> {
    const { container } = source;
    followed.add(container);
    return (async function* () {
      do {
        followed.add(container);
        if (remade.delete(container)) yield { kind: 'recreated', source };
        for await (const event of attachOne(context, source, { sinceMs, signal: both, seen })) {
          const isEnd = event.kind === 'exited' && !event.restarting;
          yield isEnd ? { ...event, restarting: BRINGS_BACK.has((await engine.changedBy(project)) ?? '') } : event;
        }
        followed.delete(container);
      } while (!both.aborted && (await runs(container)) && !followed.has(container));
      if (await isOver()) over.abort();
    })();
  }

  async function* comingBack(): AsyncGenerator<AsyncIterable<AttachEvent>> {
    for await (const { action, container, labels } of engine.containers.events({ project }, both)) {
      const live = { name: container, madeFrom: { labels } };
      if (isOneOff(live) || !services.has(serviceOf(live))) continue;
      if (action === 'create' && known.has(container)) remade.add(container);
      if (action !== 'start' || followed.has(container)) continue;
      known.add(container);
      yield follow(sourceOf(live, project));
    }
  }

  /** Nobody is left, and whoever is at work on the project has done it. */
  async function isOver(): Promise<boolean> {
    while (followed.size === 0 && !both.aborted && (await engine.changedBy(project)) !== undefined) await pause(50);
    const alive = await Promise.all([...known].map(runs));
    return followed.size === 0 && !alive.includes(true);
  }

  yield* asTheyCome(targets.map(follow), comingBack());
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const RUNNING: ReadonlySet<string> = new Set(['running', 'restarting', 'paused']);

/** Commands after which a container that they stop runs again. */
const BRINGS_BACK: ReadonlySet<string> = new Set(['restart', 'up', 'scale']);

type News = readonly LogLine[] | ContainerChange | 'gone';

interface OneOptions {
  readonly sinceMs: number;
  readonly signal: AbortSignal;
  /** When the last line was printed that was given out, by container: what comes back is read on from there. */
  readonly seen: Map<string, string>;
}

/**
 * Lines and ends of one container. They come by different ways (file, supervisor's socket), so when it has ended, what it wrote
 * before is read to the end first: its last words come before the news of its end.
 */
async function* attachOne(
  context: Context,
  source: AttachTarget,
  { sinceMs, signal, seen }: OneOptions,
): AsyncGenerator<AttachEvent> {
  const { container } = source;
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const last = seen.get(container);
  const since = last === undefined ? sinceMs : Date.parse(last);
  const lines = keptLines(context, container, { follow: true, live: true, sinceMs: since, end: over.signal }, signal);
  const changes = endedBy<ContainerChange, 'gone'>('gone', context.engine.containers.watch(container, both));
  let wasRunning = true;
  let end: AttachEvent | undefined;
  try {
    for await (const news of asTheyCome<News>([lines, changes])) {
      if (signal.aborted) return;
      if (news !== 'gone' && !('status' in news)) {
        const fresh = last === undefined ? news : news.filter(({ time }) => isEarlier(last, time));
        if (fresh.length === 0) continue;
        seen.set(container, fresh.at(-1)!.time);
        yield { kind: 'lines', source, lines: fresh };
        continue;
      }
      const isEnd = news === 'gone' || hasEnded(news);
      if (isEnd && wasRunning && end === undefined) {
        const event: AttachEvent = news === 'gone' ? { kind: 'removed', source } : exited(source, news);
        if (news !== 'gone' && news.status === 'restarting') yield event;
        else {
          end = event;
          over.abort();
        }
      }
      wasRunning = !isEnd;
    }
    if (end !== undefined) yield end;
  } finally {
    over.abort();
  }
}

const hasEnded = ({ status }: ContainerChange): boolean =>
  status === 'exited' || status === 'dead' || status === 'restarting';

const exited = (source: AttachTarget, { exitCode, status }: ContainerChange): AttachEvent => ({
  kind: 'exited',
  source,
  exitCode,
  restarting: status === 'restarting',
});

async function* endedBy<T, E>(last: E, stream: AsyncIterable<T>): AsyncGenerator<T | E> {
  yield* stream;
  yield last;
}
