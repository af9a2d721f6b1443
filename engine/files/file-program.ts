/** Runs a program whose last operation reads or writes records (pack, unpack): a launcher of its own, streams instead of a reply. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Host } from '../host.ts';
import { LaunchError } from '../launcher/launcher.ts';
import { type LaunchOp, PACK } from '../launcher/ops.ts';
import { type Unpacker, unpackerOf } from '../launcher/unpack.ts';
import { encodeProgram } from '../launcher/wire.ts';
import { SECTIONS } from '../supervise/spec.ts';
import { ROOT } from './container-root.ts';
import { type RecordStream, readRecords } from './record-stream.ts';

/** A program that speaks on its standard streams. */
export interface Running {
  readonly child: ChildProcess;
  /** Why an operation before the last one failed. */
  failure(): Error | undefined;
  readonly ended: Promise<void>;
}

export async function start(
  host: Host,
  ops: readonly LaunchOp[],
  stdio: readonly ('pipe' | 'ignore')[],
): Promise<Running> {
  await host.instance();
  const file = join(host.paths.run, `files-${randomBytes(8).toString('hex')}`);
  writeFileSync(file, encodeProgram(ops), { mode: 0o600 });
  const child = spawn(host.launcher, ['exec', file], { stdio: [...stdio, 'inherit'], env: {} });
  let error: Error | undefined;
  const ended = once(child, 'close')
    .catch((cause: Error) => {
      error = cause;
    })
    .then(async () => {
      error ??= readFailure(file, ops);
      await Promise.all([rm(file, { force: true }), rm(`${file}.error`, { force: true })]);
    });
  return { child, ended, failure: () => error };
}

function readFailure(file: string, ops: readonly LaunchOp[]): Error | undefined {
  let text: string;
  try {
    text = readFileSync(`${file}.error`, 'utf8');
  } catch {
    return undefined;
  }
  const [section = 0, index = 0, errno = 0] = text.trim().split(' ').map(Number);
  return new LaunchError({ section: SECTIONS[section] ?? 'program', index, errno }, ops[index]);
}

/** The tree at `inside` beneath slot 0 of what `reach` opens. `headsOnly`: sizes without contents. */
export async function packTree(
  host: Host,
  reach: readonly LaunchOp[],
  inside: string,
  options: { readonly headsOnly?: boolean } = {},
): Promise<RecordStream> {
  const flags = options.headsOnly ? PACK.HEADS_ONLY : 0;
  const ops: readonly LaunchOp[] = [...reach, { op: 'pack', root: ROOT, inside, flags }];
  return recordsOf(await start(host, ops, ['ignore', 'pipe']));
}

/** What a program writes that ends as `pack` does. */
export function recordsOf(running: Running): RecordStream {
  const stdout = running.child.stdout as Readable;
  // Node throws away what nobody listens for when the process ends, and it may end before the first record is asked for.
  stdout.on('readable', () => undefined);
  return readRecords(stdout, {
    failure: async () => {
      await running.ended;
      return running.failure();
    },
    close: async () => {
      stdout.destroy();
      running.child.kill('SIGKILL');
      await running.ended;
    },
  });
}

export async function unpackTree(host: Host, reach: readonly LaunchOp[], flags: number): Promise<Unpacker> {
  const running = await start(host, [...reach, { op: 'unpack', root: ROOT, flags }], ['pipe', 'pipe']);
  return unpackerOf(running.child, async (failure) => {
    await running.ended;
    return running.failure() ?? failure;
  });
}
