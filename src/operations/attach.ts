/** What a foreground `up` shows: the lines of its containers as they come, and how each of them ends. */
import type { ContainerChange, LogLine } from '../model/engine.ts';
import type { Context } from './context.ts';
import { keptLines } from './kept-lines.ts';
import type { LogSource } from './logs.ts';
import { asTheyCome } from './merge.ts';

export type AttachTarget = LogSource;

export type AttachEvent =
  | { readonly kind: 'lines'; readonly source: AttachTarget; readonly lines: readonly LogLine[] }
  /** Its process ended; `restarting`: by policy it comes back. */
  | { readonly kind: 'exited'; readonly source: AttachTarget; readonly exitCode: number; readonly restarting: boolean }
  | { readonly kind: 'removed'; readonly source: AttachTarget };

/** Ends when none of the containers runs any more, or `signal` aborts (its own: Ctrl-C lets the lines flow on while stopping). */
export function attach(
  context: Context,
  targets: readonly AttachTarget[],
  options: { readonly sinceMs: number; readonly signal: AbortSignal },
): AsyncIterable<AttachEvent> {
  return asTheyCome(targets.map((target) => attachOne(context, target, options)));
}

type News = readonly LogLine[] | ContainerChange | 'gone';

/**
 * Lines and ends of one container. They come by different ways (file, supervisor's socket), so when it has ended, what it wrote
 * before is read to the end first: its last words come before the news of its end.
 */
async function* attachOne(
  context: Context,
  source: AttachTarget,
  { sinceMs, signal }: { readonly sinceMs: number; readonly signal: AbortSignal },
): AsyncGenerator<AttachEvent> {
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const lines = keptLines(context, source.container, { follow: true, sinceMs, end: over.signal }, signal);
  const changes = endedBy<ContainerChange, 'gone'>('gone', context.engine.containers.watch(source.container, both));
  let wasRunning = true;
  let last: AttachEvent | undefined;
  try {
    for await (const news of asTheyCome<News>([lines, changes])) {
      if (signal.aborted) return;
      if (news !== 'gone' && !('status' in news)) {
        if (news.length > 0) yield { kind: 'lines', source, lines: news };
        continue;
      }
      const isEnd = news === 'gone' || hasEnded(news);
      if (isEnd && wasRunning && last === undefined) {
        const end: AttachEvent = news === 'gone' ? { kind: 'removed', source } : exited(source, news);
        if (news !== 'gone' && news.status === 'restarting') yield end;
        else {
          last = end;
          over.abort();
        }
      }
      wasRunning = !isEnd;
    }
    if (last !== undefined) yield last;
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
