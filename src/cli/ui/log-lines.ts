/** Lines that containers printed, each behind the name of its container, in the colour of its container. */
import type { LogLine } from '../../model/engine.ts';
import type { LogSource } from '../../operations/logs.ts';
import type { Output } from './output.ts';
import { PREFIX_COLORS } from './paint.ts';

export interface LogStyle {
  readonly colors: boolean;
  readonly prefix: boolean;
  readonly timestamps: boolean;
  /** Lines of stderr go to stderr; otherwise all go to stdout. */
  readonly keepStreams: boolean;
}

export interface LogPrinter {
  print(source: LogSource, lines: readonly LogLine[]): void;
  /** What is printed is on its way; before anybody else writes. */
  flush(): void;
}

const NEWLINE = Buffer.from('\n');
/** Larger than a pipe: waiting longer saves nothing. */
const ENOUGH_BYTES = 65_536;

export function createLogPrinter(out: Output, sources: readonly LogSource[], style: LogStyle): LogPrinter {
  const prefixOf = prefixes(sources, style);
  const waiting: { toStderr: boolean; chunks: Buffer[]; bytes: number } = { toStderr: false, chunks: [], bytes: 0 };
  let isScheduled = false;
  const flush = () => {
    if (waiting.chunks.length === 0) return;
    const bytes = Buffer.concat(waiting.chunks.splice(0));
    waiting.bytes = 0;
    if (waiting.toStderr) out.note(bytes);
    else out.data(bytes);
  };
  return {
    flush,
    print: (source, lines) => {
      const prefix = prefixOf(source);
      for (const line of lines) {
        const toStderr = style.keepStreams && line.stream === 'stderr';
        // One stream at a time, so that the lines of both keep their order where both end on one terminal.
        if (toStderr !== waiting.toStderr) flush();
        waiting.toStderr = toStderr;
        if (prefix.length > 0) waiting.chunks.push(prefix);
        if (style.timestamps) waiting.chunks.push(Buffer.from(`${line.time} `));
        waiting.chunks.push(line.text, NEWLINE);
        waiting.bytes += line.text.length + prefix.length;
        if (waiting.bytes > ENOUGH_BYTES) flush();
      }
      if (waiting.chunks.length === 0 || isScheduled) return;
      isScheduled = true;
      setImmediate(() => {
        isScheduled = false;
        flush();
      });
    },
  };
}

/** `web-1  | `: padded to the longest name and one more, as Compose. A container that turns up later gets the next colour. */
function prefixes(sources: readonly LogSource[], { colors, prefix }: LogStyle): (source: LogSource) => Buffer {
  if (!prefix) return () => Buffer.alloc(0);
  const width = Math.max(0, ...sources.map((source) => source.prefix.length)) + 1;
  const known = new Map<string, Buffer>();
  const prefixOf = (source: LogSource): Buffer => {
    const found = known.get(source.container);
    if (found) return found;
    const text = `${source.prefix.padEnd(width)} | `;
    const color = PREFIX_COLORS[known.size % PREFIX_COLORS.length];
    const made = Buffer.from(colors ? `\x1b[${color}m${text}\x1b[0m` : text);
    known.set(source.container, made);
    return made;
  };
  for (const source of sources) prefixOf(source);
  return prefixOf;
}
