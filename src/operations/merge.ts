/** Several streams of lines as one: in the order of time where all is written already, as they come where it is being written. */

/** Each stream is in order; ties go to the earlier stream. */
export async function* inOrder<T>(
  streams: readonly AsyncIterable<T>[],
  isBefore: (a: T, b: T) => boolean,
): AsyncGenerator<T> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const heads = await Promise.all(iterators.map((iterator) => iterator.next()));
  try {
    for (;;) {
      let next = -1;
      for (const [index, head] of heads.entries()) {
        if (head.done) continue;
        const best = next < 0 ? undefined : heads[next];
        if (!best || best.done || isBefore(head.value, best.value)) next = index;
      }
      const head = heads[next];
      if (!head || head.done) return;
      yield head.value;
      heads[next] = await iterators[next]!.next();
    }
  } finally {
    await close(iterators);
  }
}

/** Whatever comes first; ends when all have ended. A failure of one ends all. `arrivals`: streams that join them later. */
export async function* asTheyCome<T>(
  streams: readonly AsyncIterable<T>[],
  arrivals?: AsyncIterable<AsyncIterable<T>>,
): AsyncGenerator<T> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const arriving = arrivals?.[Symbol.asyncIterator]();
  const pending = new Map<number, Promise<readonly [number, IteratorResult<T>]>>();
  const ARRIVAL = -1;
  let arrived: IteratorResult<AsyncIterable<T>> | undefined;
  const askForMore = () =>
    pending.set(
      ARRIVAL,
      arriving!.next().then((result) => {
        arrived = result;
        return [ARRIVAL, { done: true, value: undefined }] as const;
      }),
    );
  const ask = (index: number) =>
    pending.set(
      index,
      iterators[index]!.next().then((result) => [index, result] as const),
    );
  for (const index of iterators.keys()) ask(index);
  if (arriving !== undefined) askForMore();
  try {
    while (pending.size > 0) {
      const [index, result] = await Promise.race(pending.values());
      if (result.done) {
        pending.delete(index);
        if (index !== ARRIVAL || arrived?.done !== false) continue;
        ask(iterators.push(arrived.value[Symbol.asyncIterator]()) - 1);
        askForMore();
        continue;
      }
      ask(index);
      yield result.value;
    }
  } finally {
    for (const promise of pending.values()) promise.catch(() => undefined);
    await close(iterators);
    void arriving?.return?.().catch(() => undefined);
  }
}

/** Not waited for where a stream is still waiting for its next line: its signal ends it. */
async function close<T>(iterators: readonly AsyncIterator<T>[]): Promise<void> {
  for (const iterator of iterators) void Promise.resolve(iterator.return?.()).catch(() => undefined);
}
