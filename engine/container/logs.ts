/** The log of a container, found by its name. */
import type { LogLine, LogOptions } from '../../src/model/engine.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Host } from '../host.ts';
import { logPath } from '../logs/log-files.ts';
import { isKept } from '../logs/plan.ts';
import { readBatches } from '../logs/read.ts';
import { findRecord, readContainerRecords } from '../state/container-records.ts';
import { containerDir, containerRun } from '../state/paths.ts';
import { liveBatches } from './exec/live-output.ts';
import { noSuchContainer } from './unknown.ts';

/** Line by line, for who reads a few. */
export async function* containerLogs(...request: Parameters<typeof containerLogBatches>): AsyncGenerator<LogLine> {
  for await (const lines of containerLogBatches(...request)) yield* lines;
}

export function containerLogBatches(
  host: Host,
  name: string,
  options: LogOptions,
  signal?: AbortSignal,
): AsyncGenerator<readonly LogLine[]> {
  const record = findRecord(readContainerRecords(host.paths), name);
  if (record === undefined) throw noSuchContainer(name);
  if (!isKept(record.madeFrom.log)) {
    if (options.follow && options.live) return liveBatches(containerRun(host.paths, record.id), signal);
    throw new TcomposeError(`the log of container ${name} is not kept: its log driver keeps nothing here`, {
      code: 'log-not-kept',
      address: `container/${name}`,
      help: 'configured logging driver does not support reading: use json-file',
    });
  }
  return readBatches(logPath(containerDir(host.paths, record.id), record.id), options, signal);
}
