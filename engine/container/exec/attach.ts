/** A container's streams joined to those of this process; one that belongs to it (`owns`) gets the end of our input as its own, too. */
import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { AttachRequest } from '../../../src/model/engine.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { Host } from '../../host.ts';
import { findRecord, readContainerRecords } from '../../state/container-records.ts';
import { containerRun } from '../../state/paths.ts';
import type { ContainerRecord } from '../../state/records.ts';
import { attach, kill, resize, SupervisorGone, watch } from '../../supervise/control.ts';
import { readRuntime } from '../runtime.ts';
import { signalNumber } from '../signals.ts';
import { notRunning } from '../stop.ts';
import { noSuchContainer } from '../unknown.ts';
import { detachKeys } from './detach-keys.ts';

/**
 * Gives the exit code; undefined when the detach keys came or the signal aborted. With `owns`, for a container made with `foreground`
 * and right after its start, nothing of its output is lost, however fast it ends.
 */
export async function joinStreams(host: Host, name: string, request: AttachRequest): Promise<number | undefined> {
  const record = findRecord(readContainerRecords(host.paths), name);
  if (record === undefined) throw noSuchContainer(name);
  // What is wrong with them is told before anything is joined.
  detachKeys(request.detachKeys);
  const runDir = containerRun(host.paths, record.id);
  let socket: Socket;
  try {
    socket = await attach(runDir, { owns: request.owns === true });
  } catch (error) {
    if (!(error instanceof SupervisorGone)) throw error;
    if (request.owns) return exitCode(host, record);
    throw notRunning(name);
  }
  const end = watchForEnd(runDir);
  const undo: (() => void)[] = [];
  let left = false;
  const leave = () => {
    left = true;
    socket.destroy();
  };
  try {
    request.signal?.addEventListener('abort', leave, { once: true });
    if (request.proxySignals) undo.push(passSignalsOn(runDir));
    const tty = record.madeFrom.tty;
    if (tty) undo.push(followSize(runDir));
    if (request.stdin) undo.push(passInputOn(socket, { tty, keys: request.detachKeys, leave }));
    else socket.end();
    await printFrames(socket);
  } finally {
    for (const one of undo.reverse()) one();
    request.signal?.removeEventListener('abort', leave);
    socket.destroy();
    end.forget();
  }
  if (left) return undefined;
  return (await end.code) ?? exitCode(host, record);
}

/** The code of the first end from now on: a container that restarts by policy has another state soon. */
function watchForEnd(runDir: string): { readonly code: Promise<number | undefined>; forget(): void } {
  const abort = new AbortController();
  const look = async (): Promise<number | undefined> => {
    for await (const { status, exitCode } of watch(runDir, abort.signal))
      if (status !== 'running' && status !== 'created') return exitCode;
    return undefined;
  };
  return {
    code: look().catch(() => undefined),
    forget: () => void setTimeout(() => abort.abort(), LAST_WORD_MS).unref(),
  };
}

/** The state is told right after the streams have ended, by another connection. */
const LAST_WORD_MS = 2000;

/** The supervisor has said its last word before its socket closes; it may be about to leave its name to nobody. */
const exitCode = (host: Host, record: ContainerRecord): number => readRuntime(host.paths, record).state?.exitCode ?? 0;

/** Written at once: while our reader does not take it, nothing more is read, and the container waits. */
async function printFrames(socket: Socket): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of socket) {
      rest = rest.length > 0 ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer);
      while (rest.length >= 8 && rest.length >= 8 + rest.readUInt32BE(4)) {
        const end = 8 + rest.readUInt32BE(4);
        writeAll(rest[0] === 2 ? 2 : 1, rest.subarray(8, end));
        rest = rest.subarray(end);
      }
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ECONNRESET' && code !== 'EPIPE' && code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

/** As SIGPIPE would end a program: going on would mean to read for nobody, maybe for ever. */
const outputClosed = () =>
  new TcomposeError('nobody reads the output any more', {
    code: 'output-closed',
    help: 'the container goes on; one of run --rm is removed',
    exitCode: 141,
  });

function writeAll(fd: 1 | 2, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') throw outputClosed();
      if (code === 'EIO' || code === 'EBADF') return;
      if (code !== 'EAGAIN') throw error;
      // Somebody made the pipe non-blocking, and it is full.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

function passSignalsOn(runDir: string): () => void {
  const handlers = SIGNALS.map((signal) => {
    const pass = () => void kill(runDir, signalNumber(signal), false).catch(() => undefined);
    process.on(signal, pass);
    return () => void process.off(signal, pass);
  });
  return () => {
    for (const off of handlers) off();
  };
}

function followSize(runDir: string): () => void {
  const { stdout } = process;
  const tell = () => {
    if (stdout.rows > 0) void resize(runDir, stdout.rows, stdout.columns).catch(() => undefined);
  };
  tell();
  stdout.on('resize', tell);
  return () => void stdout.off('resize', tell);
}

interface Input {
  readonly tty: boolean;
  readonly keys: string;
  readonly leave: () => void;
}

function passInputOn(socket: Socket, { tty, keys, leave }: Input): () => void {
  const { stdin } = process;
  const watch = detachKeys(tty ? keys : '');
  const take = (bytes: Buffer) => {
    const seen = watch(bytes);
    if (seen.pass.length > 0 && !socket.write(seen.pass)) {
      stdin.pause();
      socket.once('drain', () => stdin.resume());
    }
    if (seen.detached) leave();
  };
  const end = () => void socket.end();
  if (tty && stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', take).on('end', end).on('error', end);
  stdin.resume();
  return () => {
    stdin.off('data', take).off('end', end).off('error', end).pause();
    if (tty && stdin.isTTY) stdin.setRawMode(false);
    // A terminal or a pipe that nobody closes would keep this process.
    stdin.unref?.();
  };
}
