/** The only writer to the standard streams: data to stdout, everything else to stderr; a reader that went away is no error. */
import { writeSync } from 'node:fs';
import { TcomposeError } from '../../model/errors.ts';

export interface Output {
  /** What was asked for. */
  data(text: string | Uint8Array): void;
  /** Progress, warnings, errors. */
  note(text: string | Uint8Array): void;
  /** Called once, when nobody reads our stdout any more. */
  onClosed(listener: () => void): void;
  readonly isClosed: boolean;
}

/** Synchronous on purpose: nothing is lost at exit, and loading the stream classes would cost more than most commands. */
export function createOutput(): Output {
  let closed = false;
  let listener = () => {};
  const write = (fd: 1 | 2, text: string | Uint8Array) => {
    if (fd === 1 && closed) return;
    try {
      writeAll(fd, typeof text === 'string' ? Buffer.from(text) : text);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // EIO: the terminal was hung up. EBADF: started with the stream closed.
      if (code !== 'EPIPE' && code !== 'EIO' && code !== 'EBADF') throw fd === 1 ? cannotWrite(error as Error) : error;
      if (fd === 1) {
        closed = true;
        listener();
      }
    }
  };
  return {
    data: (text) => write(1, text),
    note: (text) => write(2, text),
    onClosed: (call) => {
      listener = call;
    },
    get isClosed() {
      return closed;
    },
  };
}

const cannotWrite = (error: Error): TcomposeError =>
  new TcomposeError(`cannot write to standard output: ${error.message}`, { code: 'output-failed', cause: error });

/** A pipe that somebody made non-blocking refuses when it is full (EAGAIN): wait for the reader, in small steps. */
function writeAll(fd: number, bytes: Uint8Array): void {
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += writeSync(fd, bytes, offset);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}
