/** The lines of a container whose log may not be kept here: a warning then, since the others' lines are wanted all the same. */
import type { LogLine, LogOptions } from '../model/engine.ts';
import { TcomposeError } from '../model/errors.ts';
import type { Context } from './context.ts';

/** Batches as Containers.readLogs gives them; none, with one warning, where the log driver keeps nothing (as docker compose logs). */
export async function* keptLines(
  { engine, emit }: Context,
  container: string,
  wish: LogOptions,
  signal?: AbortSignal,
): AsyncGenerator<readonly LogLine[]> {
  try {
    yield* engine.containers.readLogs(container, wish, signal);
  } catch (error) {
    if (!(error instanceof TcomposeError) || error.code !== 'log-not-kept') throw error;
    emit({ type: 'warning', text: error.message });
  }
}
