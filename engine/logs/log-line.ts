/** The lines of a json-file log, and the messages that several of them may make together. */
import type { LogLine } from '../../src/model/engine.ts';

export interface LogRecord {
  readonly stream: 'stdout' | 'stderr';
  readonly time: string;
  readonly text: Buffer;
  /** The message ends here: its newline is taken off. */
  readonly isEnd: boolean;
}

const HEAD = '{"log":"';
const STREAM = '","stream":"std';
const TIME = '"time":"';
const NEWLINE = '\\n';

/**
 * The records of a block of whole lines. As one-byte characters every index in the text is one in the bytes, and most lines hold
 * no escape but their newline: their bytes are handed on as they are. The others, and lines of other writers, are parsed.
 */
export function parseRecords(block: Buffer): LogRecord[] {
  const records: LogRecord[] = [];
  const text = block.toString('latin1');
  for (let at = 0, end = 0; at < text.length; at = end + 1) {
    end = text.indexOf('\n', at);
    if (end < 0) break;
    const record = plainRecord(block, text, at, end) ?? parseRecord(block.toString('utf8', at, end));
    if (record !== undefined) records.push(record);
  }
  return records;
}

function plainRecord(block: Buffer, text: string, at: number, end: number): LogRecord | undefined {
  const cut = text.indexOf(STREAM, at);
  const backslash = text.indexOf('\\', at);
  if (cut < 0 || cut > end || !text.startsWith(HEAD, at) || !text.endsWith('Z"}', end)) return undefined;
  const isEnd = backslash === cut - NEWLINE.length && text.startsWith(NEWLINE, backslash);
  if (!isEnd && backslash >= 0 && backslash < cut) return undefined;
  const time = text.lastIndexOf(TIME, end) + TIME.length;
  return {
    stream: text.charCodeAt(cut + STREAM.length) === 0x65 ? 'stderr' : 'stdout',
    time: text.slice(time, end - 2),
    text: block.subarray(at + HEAD.length, isEnd ? backslash : cut),
    isEnd,
  };
}

/** Undefined: not a record (torn by a crash). */
function parseRecord(line: string): LogRecord | undefined {
  try {
    const { log, stream, time } = JSON.parse(line) as { log?: unknown; stream?: unknown; time?: unknown };
    if (typeof time !== 'string') return undefined;
    const text = typeof log === 'string' ? log : '';
    const isEnd = text.endsWith('\n');
    return {
      stream: stream === 'stderr' ? 'stderr' : 'stdout',
      time,
      text: Buffer.from(isEnd ? text.slice(0, -1) : text),
      isEnd,
    };
  } catch {
    return undefined;
  }
}

/** What never ends is given out in lines of this length at last, or it would fill the memory. */
const LONGEST_LINE = 256 * 2 ** 20;

interface Begun {
  readonly time: string;
  readonly pieces: Buffer[];
  bytes: number;
}

/** Joins the pieces of long lines; a joined line has the time of its first piece. */
export function lineJoiner() {
  const begun = new Map<LogRecord['stream'], Begun>();
  const lineOf = (stream: LogRecord['stream'], { time, pieces }: Begun): LogLine => ({
    stream,
    time,
    text: Buffer.concat(pieces),
  });
  return {
    /** The lines that these records complete. */
    join(records: readonly LogRecord[]): LogLine[] {
      const lines: LogLine[] = [];
      for (const record of records) {
        const { stream, time, text, isEnd } = record;
        const before = begun.get(stream);
        if (before === undefined && isEnd) {
          lines.push({ stream, time, text });
          continue;
        }
        const line = before ?? { time, pieces: [], bytes: 0 };
        line.pieces.push(text);
        line.bytes += text.length;
        if (isEnd || line.bytes > LONGEST_LINE) {
          begun.delete(stream);
          lines.push(lineOf(stream, line));
        } else begun.set(stream, line);
      }
      return lines;
    },
    /** What never got its newline. */
    rest(): LogLine[] {
      const lines = [...begun].map(([stream, line]) => lineOf(stream, line));
      begun.clear();
      return lines;
    },
  };
}
