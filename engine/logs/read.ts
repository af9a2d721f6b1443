/** What a container printed: from the beginning or the end, and on as it prints more. */
import type { LogLine, LogOptions } from '../../src/model/engine.ts';
import { type FolderWatch, watchFolder } from './folder-watch.ts';
import { BlockReader, LogTrail, tailPosition } from './log-files.ts';
import { lineJoiner, parseRecords } from './log-line.ts';

/** In batches; an empty one says that all that had been written was read. */
export async function* readBatches(
  path: string,
  options: LogOptions,
  signal?: AbortSignal,
): AsyncGenerator<readonly LogLine[]> {
  const trail = new LogTrail(path);
  // Before the first look: what is written after that look must wake us. Files are opened as they come, however far reading has got.
  const changes = options.follow
    ? watchFolder(
        path,
        () => void trail.refresh(),
        () => signal?.aborted === true || options.end?.aborted === true,
      )
    : undefined;
  const wake = () => changes?.wake();
  signal?.addEventListener('abort', wake);
  options.end?.addEventListener('abort', wake);
  try {
    for await (const lines of linesOf(trail, options, changes, signal)) {
      const wanted = between(lines, options);
      if (wanted.length > 0 || lines.length === 0) yield wanted;
    }
  } finally {
    signal?.removeEventListener('abort', wake);
    options.end?.removeEventListener('abort', wake);
    changes?.close();
    await trail.close();
  }
}

export async function* readLogs(path: string, options: LogOptions, signal?: AbortSignal): AsyncGenerator<LogLine> {
  for await (const lines of readBatches(path, options, signal)) yield* lines;
}

/** Times of RFC 3339 in UTC compare as texts, the Z and zeros at the end of the fraction left out. */
const comparable = (ms: number) => new Date(ms).toISOString().replace(/\.?0*Z$/, '');
/** After all of that millisecond. */
const endOf = (ms: number) => new Date(ms).toISOString().replace('Z', '~');

function between(lines: readonly LogLine[], { sinceMs, untilMs }: LogOptions): readonly LogLine[] {
  if (sinceMs === undefined && untilMs === undefined) return lines;
  const since = sinceMs === undefined ? '' : comparable(sinceMs);
  const until = untilMs === undefined ? '~' : endOf(untilMs);
  return lines.filter(({ time }) => {
    const at = time.slice(0, -1);
    return at >= since && at <= until;
  });
}

async function* linesOf(
  trail: LogTrail,
  { tail }: LogOptions,
  changes: FolderWatch | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly LogLine[]> {
  const joiner = lineJoiner();
  await trail.refresh();
  let position = await skipTo(trail, tail);
  let reader: BlockReader | undefined;
  let isOver = changes === undefined;
  for (;;) {
    // In this order: who has a successor is not written to any more, so what is read after that is all of it.
    const hasSuccessor = trail.logs.length > 1;
    const [log] = trail.logs;
    if (log !== undefined && reader?.log !== log) {
      reader = new BlockReader(log, position);
      position = 0;
    }
    for await (const block of reader?.blocks() ?? []) {
      if (signal?.aborted) return;
      const lines = joiner.join(parseRecords(block));
      if (lines.length > 0) yield lines;
    }
    if (hasSuccessor) {
      await trail.drop();
      continue;
    }
    if (trail.logs.length > 1 || (trail.logs.length > 0 && reader === undefined)) continue;
    if (isOver) break;
    yield [];
    isOver = !(await changes!.next());
    if (signal?.aborted) return;
    await trail.refresh();
  }
  yield joiner.rest();
}

/** The position in the first file that is left. */
async function skipTo(trail: LogTrail, tail: number | undefined): Promise<number> {
  if (tail === undefined) return 0;
  const { index, position } = await tailPosition(trail.logs, tail);
  for (let i = 0; i < index; i++) await trail.drop();
  return position;
}
