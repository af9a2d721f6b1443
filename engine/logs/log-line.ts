/** One line of a json-file log, and the messages that several of them may make together. */
import type { LogLine } from '../../src/model/engine.ts';

export interface LogRecord {
  readonly stream: 'stdout' | 'stderr';
  readonly time: string;
  /** With its newline, unless the message goes on in the stream's next record. */
  readonly text: string;
}

/** Undefined: not a record (torn by a crash). */
export function parseRecord(line: string): LogRecord | undefined {
  try {
    const { log, stream, time } = JSON.parse(line) as { log?: unknown; stream?: unknown; time?: unknown };
    if (typeof time !== 'string') return undefined;
    return { stream: stream === 'stderr' ? 'stderr' : 'stdout', time, text: typeof log === 'string' ? log : '' };
  } catch {
    return undefined;
  }
}

export const endsMessage = (record: LogRecord): boolean => record.text.endsWith('\n');

/** Joins the pieces of long lines; a joined line has the time of its first piece. */
export function lineJoiner() {
  const begun = new Map<LogRecord['stream'], LogRecord>();
  const lineOf = ({ stream, time, text }: LogRecord): LogLine => ({
    stream,
    time,
    text: Buffer.from(text.replace(/\n$/, '')),
  });
  return {
    /** The line that this record completes, if it does. */
    add(record: LogRecord): LogLine | undefined {
      const before = begun.get(record.stream);
      const whole = before === undefined ? record : { ...before, text: before.text + record.text };
      if (!endsMessage(whole)) {
        begun.set(record.stream, whole);
        return undefined;
      }
      begun.delete(record.stream);
      return lineOf(whole);
    },
    /** What never got its newline. */
    rest(): readonly LogLine[] {
      const lines = [...begun.values()].map(lineOf);
      begun.clear();
      return lines;
    },
  };
}
