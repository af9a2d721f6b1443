/** What a container prints from now on, from its supervisor, for containers whose log is not kept. */
import type { LogLine } from '../../../src/model/engine.ts';
import { attach, SupervisorGone } from '../../supervise/control.ts';

/** Over restarts by policy; ends with the supervisor, or when the signal aborts. Each line has the time at which it came. */
export async function* liveBatches(runDir: string, signal?: AbortSignal): AsyncGenerator<readonly LogLine[]> {
  while (!signal?.aborted) {
    const socket = await attach(runDir, { claims: true }).catch((error: unknown) => {
      if (error instanceof SupervisorGone) return undefined;
      throw error;
    });
    if (socket === undefined) return;
    const leave = () => socket.destroy();
    signal?.addEventListener('abort', leave, { once: true });
    socket.end();
    const lines = lineMaker();
    let rest: Buffer = Buffer.alloc(0);
    try {
      for await (const chunk of socket) {
        const { frames, left } = framesOf(rest.length > 0 ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer));
        rest = left;
        const batch = frames.flatMap(({ stream, bytes }) => lines.add(stream, bytes));
        if (batch.length > 0) yield batch;
      }
    } catch (error) {
      if (!signal?.aborted && !ENDS.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    } finally {
      signal?.removeEventListener('abort', leave);
      socket.destroy();
    }
    const last = lines.rest();
    if (last.length > 0) yield last;
  }
}

/** How a socket tells that the other side is gone. */
const ENDS: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']);

interface Frame {
  readonly stream: LogLine['stream'];
  readonly bytes: Buffer;
}

/** Frames of Docker's API: type, three zeros, big-endian length. */
function framesOf(bytes: Buffer): { readonly frames: readonly Frame[]; readonly left: Buffer } {
  const frames: Frame[] = [];
  let at = 0;
  while (bytes.length >= at + 8 && bytes.length >= at + 8 + bytes.readUInt32BE(at + 4)) {
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    frames.push({ stream: bytes[at] === 2 ? 'stderr' : 'stdout', bytes: bytes.subarray(at + 8, end) });
    at = end;
  }
  return { frames, left: bytes.subarray(at) };
}

/** A line that never ends is given out in pieces of this length, or it would fill the memory. */
const LONGEST_LINE = 2 ** 20;

function lineMaker() {
  const begun = new Map<LogLine['stream'], Buffer>();
  const lineOf = (stream: LogLine['stream'], text: Buffer): LogLine => ({
    stream,
    time: new Date().toISOString(),
    text,
  });
  return {
    add(stream: LogLine['stream'], bytes: Buffer): LogLine[] {
      const lines: LogLine[] = [];
      let left = Buffer.concat([begun.get(stream) ?? Buffer.alloc(0), bytes]);
      for (let end = left.indexOf(10); end >= 0; end = left.indexOf(10)) {
        lines.push(lineOf(stream, left.subarray(0, end)));
        left = left.subarray(end + 1);
      }
      if (left.length > LONGEST_LINE) {
        lines.push(lineOf(stream, left));
        left = Buffer.alloc(0);
      }
      begun.set(stream, left);
      return lines;
    },
    rest: (): LogLine[] => [...begun].flatMap(([stream, text]) => (text.length > 0 ? [lineOf(stream, text)] : [])),
  };
}
