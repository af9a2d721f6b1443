/** What a container printed: from the beginning or the end, and on as it prints more. */
import { type FSWatcher, watch } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LogLine, LogOptions } from '../../src/model/engine.ts';
import { openLogs, openNext, RecordReader, tailPosition } from './log-files.ts';
import { lineJoiner } from './log-line.ts';

/** Files that a follower knows to have read; far more than are kept beside each other. */
const REMEMBERED = 1000;

export async function* readLogs(path: string, options: LogOptions, signal?: AbortSignal): AsyncGenerator<LogLine> {
  // Before the first look: what is written after that look must wake us.
  const changes = options.follow ? watchFolder(dirname(path), signal) : undefined;
  try {
    for await (const line of linesOf(path, options.tail, changes, signal)) {
      const time = Date.parse(line.time);
      if (options.untilMs !== undefined && time > options.untilMs) return;
      if (options.sinceMs === undefined || time >= options.sinceMs) yield line;
    }
  } finally {
    changes?.close();
  }
}

async function* linesOf(
  path: string,
  tail: number | undefined,
  changes: FolderWatch | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<LogLine> {
  const joiner = lineJoiner();
  let reader: RecordReader | undefined;
  /** Oldest first; more than a log has files. */
  const read: string[] = [];
  try {
    for await (const next of readersOf(path, tail)) {
      await reader?.log.handle.close();
      reader = next;
      read.push(reader.log.id);
      for await (const record of reader.records()) {
        const line = joiner.add(record);
        if (line !== undefined) yield line;
      }
    }
    while (changes !== undefined && !signal?.aborted && (await changes.next())) {
      for (;;) {
        const next: Awaited<ReturnType<typeof openNext>> = await openNext(path, read);
        // After that look: what is not the newest file any more has all that it will ever have.
        for await (const record of reader?.records() ?? []) {
          const line = joiner.add(record);
          if (line !== undefined) yield line;
        }
        if (next === undefined) break;
        await reader?.log.handle.close();
        reader = new RecordReader(next);
        read.push(next.id);
        if (read.length > REMEMBERED) read.shift();
      }
    }
    if (!signal?.aborted) yield* joiner.rest();
  } finally {
    await reader?.log.handle.close();
  }
}

/** Oldest first; each is the caller's to close. */
async function* readersOf(path: string, tail: number | undefined): AsyncGenerator<RecordReader> {
  const logs = await openLogs(path);
  let handedOut = 0;
  try {
    const start = tail === undefined ? { index: 0, position: 0 } : await tailPosition(logs, tail);
    for (const [index, log] of logs.entries()) {
      handedOut = index + 1;
      if (index < start.index) await log.handle.close();
      else yield new RecordReader(log, index === start.index ? start.position : 0);
    }
  } finally {
    await Promise.all(logs.slice(handedOut).map((log) => log.handle.close()));
  }
}

interface FolderWatch {
  /** Resolves when something changed since the last call; false when the folder is gone or the signal aborted. */
  next(): Promise<boolean>;
  close(): void;
}

function watchFolder(folder: string, signal: AbortSignal | undefined): FolderWatch {
  let dirty = true;
  let ended = false;
  let wake: () => void = () => undefined;
  const notice = () => {
    dirty = true;
    wake();
  };
  const end = () => {
    ended = true;
    wake();
  };
  const watchers: FSWatcher[] = [];
  try {
    // Of its own end a folder tells only when nobody holds a file of it any more, and we do; the folder above tells at once.
    for (const watched of [folder, dirname(folder)]) watchers.push(watch(watched, notice).on('error', end));
  } catch {
    ended = true;
  }
  signal?.addEventListener('abort', end);
  return {
    async next() {
      while (!dirty && !ended) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      dirty = false;
      if (!ended)
        ended = await access(folder).then(
          () => false,
          () => true,
        );
      return !ended;
    },
    close() {
      signal?.removeEventListener('abort', end);
      for (const watcher of watchers) watcher.close();
    },
  };
}
