/** Lines of several containers as one stream: in the order of time where all is written already, as they come where it is being written. */
import type { LogLine } from '../model/engine.ts';
import type { LogSource, ServiceLogLines } from './logs.ts';
import { isEarlier } from './words.ts';

/** One container's lines; batches as Containers.readLogs gives them. */
export class LineSource {
  readonly source: LogSource;
  /** All that was written when it was looked at has been taken: from here on it is what is being written. */
  isCaughtUp = false;
  isDone = false;
  #batch: readonly LogLine[] = [];
  #at = 0;
  readonly #batches: AsyncIterator<readonly LogLine[]>;

  constructor(source: LogSource, batches: AsyncIterable<readonly LogLine[]>) {
    this.source = source;
    this.#batches = batches[Symbol.asyncIterator]();
  }

  get head(): LogLine | undefined {
    return this.#batch[this.#at];
  }

  /** The next batch, where the last one is used up. */
  async fill(): Promise<void> {
    if (this.isDone || this.head !== undefined) return;
    const next = await this.#batches.next();
    this.isDone = next.done === true;
    this.#batch = next.done ? [] : next.value;
    this.#at = 0;
    if (this.#batch.length === 0) this.isCaughtUp = true;
  }

  /** Lines that stand before that of another; at least one. */
  takeBefore(other: LogLine | undefined): ServiceLogLines {
    const from = this.#at;
    this.#at = other === undefined ? this.#batch.length : from + 1;
    while (other !== undefined && this.head !== undefined && !isEarlier(other.time, this.head.time)) this.#at += 1;
    return { source: this.source, lines: this.#batch.slice(from, this.#at) };
  }

  close(): void {
    void Promise.resolve(this.#batches.return?.()).catch(() => undefined);
  }
}

/** Until each has ended or caught up. Each is in order; ties go to the earlier one. */
export async function* mergeWritten(sources: readonly LineSource[]): AsyncGenerator<ServiceLogLines> {
  const open = new Set(sources);
  try {
    while (open.size > 0) {
      await Promise.all([...open].map((source) => source.fill()));
      for (const source of open) if (source.isDone || source.head === undefined) open.delete(source);
      const [first, second] = earliestTwo(open);
      if (first !== undefined) yield first.takeBefore(second?.head);
    }
  } finally {
    for (const source of open) source.close();
  }
}

function earliestTwo(sources: Iterable<LineSource>): readonly LineSource[] {
  let first: LineSource | undefined;
  let second: LineSource | undefined;
  const before = (one: LineSource, other: LineSource | undefined) =>
    other === undefined || isEarlier(one.head!.time, other.head!.time);
  for (const source of sources) {
    if (before(source, first)) [first, second] = [source, first];
    else if (before(source, second)) second = source;
  }
  return [first, second].filter((source) => source !== undefined);
}

type News = { readonly from: LineSource } | { readonly arrived: IteratorResult<LineSource> };

/** Whatever comes first, of those that are there and those that arrive; ends when all have. */
export async function* asTheyArrive(
  sources: readonly LineSource[],
  arrivals: AsyncGenerator<LineSource>,
): AsyncGenerator<ServiceLogLines> {
  const pending = new Map<LineSource | 'arrivals', Promise<News>>();
  const ask = (source: LineSource) => {
    if (!source.isDone)
      pending.set(
        source,
        source.fill().then(() => ({ from: source })),
      );
  };
  const askForMore = () =>
    pending.set(
      'arrivals',
      arrivals.next().then((arrived) => ({ arrived })),
    );
  sources.forEach(ask);
  askForMore();
  try {
    while (pending.size > 0) {
      const news = await Promise.race(pending.values());
      if ('arrived' in news) {
        pending.delete('arrivals');
        if (news.arrived.done) continue;
        askForMore();
        ask(news.arrived.value);
        continue;
      }
      pending.delete(news.from);
      if (news.from.head !== undefined) yield news.from.takeBefore(undefined);
      ask(news.from);
    }
  } finally {
    for (const [source, promise] of pending) {
      promise.catch(() => undefined);
      if (source !== 'arrivals') source.close();
    }
    void arrivals.return(undefined).catch(() => undefined);
  }
}
