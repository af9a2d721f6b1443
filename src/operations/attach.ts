/** What a foreground `up` shows: the lines of its containers as they come, and how each of them ends. */
import type { ContainerChange, LogLine } from '../model/engine.ts';
import type { Context } from './context.ts';
import type { LogSource } from './logs.ts';
import { asTheyCome } from './merge.ts';
import { isEarlier } from './words.ts';

export type AttachTarget = LogSource;

export type AttachEvent =
  | { readonly kind: 'line'; readonly source: AttachTarget; readonly line: LogLine }
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

type News = LogLine | ContainerChange | 'gone';

/**
 * Lines and ends of one container. They come by different ways (file, supervisor's socket), so when it has ended, what it wrote
 * before is read to the end first: its last words come before the news of its end.
 */
async function* attachOne(
  { engine }: Context,
  source: AttachTarget,
  { sinceMs, signal }: { readonly sinceMs: number; readonly signal: AbortSignal },
): AsyncGenerator<AttachEvent> {
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  const lines = engine.containers.logs(source.container, { follow: true, sinceMs }, both);
  const changes = endedBy<ContainerChange, 'gone'>('gone', engine.containers.watch(source.container, both));
  const seen = new Seen();
  let wasRunning = true;
  try {
    for await (const news of asTheyCome<News>([lines, changes])) {
      if (signal.aborted) return;
      if (news !== 'gone' && 'text' in news) {
        seen.note(news);
        yield { kind: 'line', source, line: news };
        continue;
      }
      const isEnd = news === 'gone' || hasEnded(news);
      if (isEnd && wasRunning) {
        const rest = engine.containers.logs(
          source.container,
          { follow: false, sinceMs: seen.sinceMs ?? sinceMs },
          signal,
        );
        if (news === 'gone' || news.status !== 'restarting')
          for await (const line of seen.unseen(rest)) yield { kind: 'line', source, line };
        yield news === 'gone' ? { kind: 'removed', source } : exited(source, news);
        if (news === 'gone' || news.status !== 'restarting') return;
      }
      wasRunning = !isEnd;
    }
  } finally {
    ended.abort();
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

/** How far a container's lines were shown. Several lines may carry one time: they were read from the pipe at once. */
class Seen {
  #time = '';
  #count = 0;

  note({ time }: LogLine): void {
    this.#count = time === this.#time ? this.#count + 1 : 1;
    this.#time = time;
  }

  get sinceMs(): number | undefined {
    return this.#time === '' ? undefined : Date.parse(this.#time);
  }

  async *unseen(lines: AsyncIterable<LogLine>): AsyncGenerator<LogLine> {
    let same = 0;
    for await (const line of lines) {
      if (line.time === this.#time) same += 1;
      if (this.#time !== '' && (isEarlier(line.time, this.#time) || (line.time === this.#time && same <= this.#count)))
        continue;
      yield line;
    }
  }
}
