/** Runs a program that ends with this process, and hands over what it prints: from real pipes, which it may open again by name. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants as os } from 'node:os';
import { join } from 'node:path';
import { readFailure } from '../../container/exec/exec.ts';
import { O_CLOEXEC, O_DIRECTORY, O_PATH } from '../../container/linux.ts';
import type { Host } from '../../host.ts';
import type { LaunchError } from '../../launcher/launcher.ts';
import type { LaunchOp } from '../../launcher/ops.ts';
import { encodeProgram } from '../../launcher/wire.ts';
import { containerRun } from '../../state/paths.ts';
import type { ContainerRecord } from '../../state/records.ts';
import { interrupted } from './failures.ts';
import type { Voice } from './steps.ts';

export interface BoundEnd {
  readonly exitCode: number;
  /** What failed before the program ran. */
  readonly failure?: LaunchError;
}

const STREAMS = ['stdout', 'stderr'] as const;
const S_IFIFO = 0o010000;

export async function runBound(
  host: Host,
  record: ContainerRecord,
  ops: readonly LaunchOp[],
  { voice, signal }: { readonly voice: Voice; readonly signal: AbortSignal },
): Promise<BoundEnd> {
  const folder = containerRun(host.paths, record.id);
  const paths = STREAMS.map((name) => join(folder, name));
  if (!existsSync(paths[0]!)) await makePipes(host, folder);
  const file = join(folder, 'step');
  writeFileSync(file, encodeProgram(ops), { mode: 0o600 });
  // Without a writer a pipe can be opened to be read at once only so.
  const readers = paths.map((path) => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  const writers = paths.map((path) => openSync(path, constants.O_WRONLY));
  // Its own session: a key of the terminal's is for us, and we end it.
  const child = spawn(host.launcher, ['bound', file], { stdio: ['ignore', ...writers], detached: true });
  for (const fd of writers) closeSync(fd);
  const kill = () => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  try {
    const [[code, by]] = await Promise.all([
      once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
      ...readers.map((fd, index) => passOn(fd, (bytes) => voice.output(STREAMS[index]!, bytes))),
    ]);
    if (signal.aborted) throw interrupted();
    const failure = await readFailure(file, ops);
    return { exitCode: code ?? 128 + (by === null ? 0 : os.signals[by]), ...(failure !== undefined && { failure }) };
  } finally {
    signal.removeEventListener('abort', kill);
    for (const left of [file, `${file}.error`]) rmSync(left, { force: true });
  }
}

/** Reads no faster than `take` takes, to the end of the last process that holds the pipe. */
async function passOn(fd: number, take: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const stream = new Socket({ fd, readable: true, writable: false });
  for await (const bytes of stream) await take(bytes as Buffer);
}

async function makePipes(host: Host, folder: string): Promise<void> {
  await (await host.session()).run([
    { op: 'open', slot: 0, path: folder, flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
    ...STREAMS.map(
      (name): LaunchOp => ({ op: 'mknod-in', root: 0, inside: `/${name}`, mode: S_IFIFO | 0o600, major: 0, minor: 0 }),
    ),
  ]);
}
