/** The client of a supervisor's control socket (engine/launcher/control.c draws the protocol). */
import { closeSync, constants, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { errnoName } from '../launcher/errno.ts';
import { parseState, type SupervisorState } from './state-file.ts';

const REQUEST = { stop: 1, kill: 2, watch: 3, resize: 4, attach: 5, pause: 6, unpause: 7, reload: 8, hold: 9 } as const;
/** "As the spec says" for a grace (INT64_MIN). */
const BY_SPEC = -(2n ** 63n);

/** The supervisor is gone, or there never was one. */
export class SupervisorGone extends Error {
  constructor(runDir: string, cause: unknown) {
    super(`no supervisor answers in ${runDir}`, { cause });
    this.name = 'SupervisorGone';
  }
}

const encodeRequest = (kind: number, a: number, b: bigint): Buffer => {
  const request = Buffer.alloc(16);
  request.writeUInt32LE(kind, 0);
  request.writeInt32LE(a, 4);
  request.writeBigInt64LE(b, 8);
  return request;
};

/** By way of /proc/self/fd: the address of a socket holds 107 bytes, a run folder may be longer. */
const connectTo = (runDir: string, options: { readonly allowHalfOpen?: boolean } = {}): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const gone = (cause: unknown) => reject(new SupervisorGone(runDir, cause));
    let folder: number;
    try {
      folder = openSync(runDir, constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (cause) {
      return gone(cause);
    }
    const socket = connect({ ...options, path: join('/proc/self/fd', `${folder}`, 'control') });
    socket.once('error', gone);
    socket.once('close', () => closeSync(folder));
    socket.once('connect', () => {
      socket.off('error', gone);
      socket.on('error', () => {}); // a supervisor that ends resets the connection: 'close' follows
      resolve(socket);
    });
  });

const isReset = (error: unknown) => ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');

/** The messages of a connection, each after its length; ends with the connection, also when a request was still on its way then. */
async function* readBlocks(socket: Socket): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of socket) {
      rest = rest.length ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer);
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32LE(0)) {
        const end = 4 + rest.readUInt32LE(0);
        yield rest.subarray(4, end);
        rest = rest.subarray(end);
      }
    }
  } catch (error) {
    if (!isReset(error)) throw error;
  }
}

const command = async (runDir: string, request: Buffer): Promise<void> => {
  const socket = await connectTo(runDir);
  try {
    socket.write(request);
    for await (const answer of readBlocks(socket)) {
      const errno = answer.readUInt32LE(0);
      if (errno) throw Object.assign(new Error(`the supervisor refused: ${errnoName(errno)}`), { errno });
      return;
    }
    throw new SupervisorGone(runDir, 'closed without an answer');
  } finally {
    socket.destroy();
  }
};

export interface StopRequest {
  /** Absent: what the spec says. A negative grace waits for ever, 0 kills at once. */
  readonly signal?: number;
  readonly graceMs?: number;
}

/**
 * Stops for good (no restart) and resolves when the container has ended, its cgroups are gone and its last state is written.
 * A supervisor that is gone already is success.
 */
export const stop = async (runDir: string, request: StopRequest = {}): Promise<SupervisorState | undefined> => {
  const grace = request.graceMs === undefined ? BY_SPEC : BigInt(Math.trunc(request.graceMs));
  let last: SupervisorState | undefined;
  try {
    const socket = await connectTo(runDir);
    socket.write(encodeRequest(REQUEST.watch, 0, 0n));
    socket.write(encodeRequest(REQUEST.stop, request.signal ?? 0, grace));
    for await (const block of readBlocks(socket)) {
      if (block.length > 4) last = parseState(block.toString()) ?? last;
      else if (block.readUInt32LE(0)) throw new RangeError(`stop refused: ${errnoName(block.readUInt32LE(0))}`);
    }
  } catch (error) {
    if (!(error instanceof SupervisorGone)) throw error;
  }
  return last;
};

/** One signal to the container's init. `cancelsRestart`: as by hand, no restart follows when it ends of it. */
export const kill = (runDir: string, signal: number, cancelsRestart: boolean): Promise<void> =>
  command(runDir, encodeRequest(REQUEST.kill, signal, cancelsRestart ? 1n : 0n));

/** Resolves when the kernel was told; `errno` EAGAIN: none runs. */
export const pause = (runDir: string): Promise<void> => command(runDir, encodeRequest(REQUEST.pause, 0, 0n));
export const unpause = (runDir: string): Promise<void> => command(runDir, encodeRequest(REQUEST.unpause, 0, 0n));

/** The next start and the next probe are those of the program that lies in the run folder now. */
export const reload = (runDir: string): Promise<void> => command(runDir, encodeRequest(REQUEST.reload, 0, 0n));

/** The host ports that it holds are those of the file `ports` in the run folder now; `errno` EADDRINUSE: nothing has changed. */
export const hold = (runDir: string): Promise<void> => command(runDir, encodeRequest(REQUEST.hold, 0, 0n));

export const resize = (runDir: string, rows: number, columns: number): Promise<void> =>
  command(runDir, encodeRequest(REQUEST.resize, rows, BigInt(columns)));

/**
 * The present state, then every later one (or the newest, for a slow reader); ends when the supervisor does, or with the signal.
 * Throws SupervisorGone when there is none: its last word is in the state file then, and in the copy that outlives RUN.
 */
export async function* watch(runDir: string, signal?: AbortSignal): AsyncGenerator<SupervisorState> {
  const socket = await connectTo(runDir);
  const abort = () => socket.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    if (signal?.aborted) return;
    socket.write(encodeRequest(REQUEST.watch, 0, 0n));
    for await (const block of readBlocks(socket)) {
      const state = parseState(block.toString());
      if (state) yield state;
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
    socket.destroy();
  }
}

export interface AttachKind {
  readonly owns?: boolean;
  /** Output that was held for a reader waits no longer. */
  readonly claims?: boolean;
}

/**
 * The container's streams: output comes in frames of Docker's API (type, three zeros, big-endian length), input is what is written.
 * As its owner: the end of the input is the container's, and output waits for a slow reader, who else would be cut off.
 */
export const attach = async (runDir: string, { owns, claims }: AttachKind = {}): Promise<Socket> => {
  const socket = await connectTo(runDir, { allowHalfOpen: true });
  socket.write(encodeRequest(REQUEST.attach, (owns ? 1 : 0) | (claims ? 2 : 0), 0n));
  return socket;
};
