/** A program beside a container's first one, for this process and not for its user: input from memory, output handed over as it comes. */
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { DesiredHook } from '../../../src/model/desired.ts';
import type { CapturedRun } from '../../../src/model/engine.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import { newExec } from '../../events/trace.ts';
import type { Host } from '../../host.ts';
import { encodeProgram } from '../../launcher/wire.ts';
import { readContainerRecords } from '../../state/container-records.ts';
import { containerRun } from '../../state/paths.ts';
import { noSuchContainer } from '../unknown.ts';
import { execProgram, readFailure } from './exec.ts';

export interface Sinks {
  readonly input?: Uint8Array;
  readonly onStdout: (chunk: Buffer) => void;
  readonly onStderr: (chunk: Buffer) => void;
}

/** The exit code. 126 and 127 are answers, as a shell would give them, with `why` in words; all else that fails throws. */
export async function execTo(
  host: Host,
  name: string,
  hook: DesiredHook,
  sinks: Sinks,
): Promise<{ readonly exitCode: number; readonly why?: string }> {
  const record = readContainerRecords(host.paths).find((record) => record.name === name);
  if (record === undefined) throw noSuchContainer(name);
  const ops = await execProgram(host, record, { ...hook, tty: false, interactive: false, detach: false });
  const file = newExec(containerRun(host.paths, record.id), hook.argv);
  writeFileSync(file, encodeProgram(ops), { mode: 0o600 });
  try {
    const exitCode = await run(host.launcher, file, sinks);
    const failure = await readFailure(file, ops);
    if (failure === undefined) return { exitCode };
    // No such program, or none that can be run.
    if (exitCode === 126 || exitCode === 127) return { exitCode, why: `${failure.message}\n` };
    throw failure;
  } finally {
    for (const left of [file, `${file}.error`]) rmSync(left, { force: true });
  }
}

function run(launcher: string, file: string, { input, onStdout, onStderr }: Sinks): Promise<number> {
  // One pipe for both streams would keep their order, but Node offers none: they are read as they come.
  const child = spawn(launcher, ['exec', file], { stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
  child.stdout!.on('data', onStdout);
  child.stderr!.on('data', onStderr);
  // A program need not read all that it is given.
  child.stdin?.on('error', () => undefined).end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    let drain: NodeJS.Timeout | undefined;
    // What it left in the background may hold the pipes: two seconds, as for a container's own output.
    child.once('exit', () => {
      drain = setTimeout(() => {
        child.stdout!.destroy();
        child.stderr!.destroy();
      }, 2000);
    });
    child.once('close', (code, signal) => {
      clearTimeout(drain);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** Whole outputs, up to this many bytes of each stream. */
const MOST_BYTES = 64 * 2 ** 20;

/** As execTo, with all that it printed; more than 64 MiB of one stream is an error, told when the program has ended. */
export async function captureExec(
  host: Host,
  name: string,
  hook: DesiredHook & { readonly input?: Uint8Array },
): Promise<CapturedRun> {
  const [stdout, stderr] = [newPile(), newPile()];
  const { exitCode, why } = await execTo(host, name, hook, {
    ...(hook.input === undefined ? {} : { input: hook.input }),
    onStdout: stdout.add,
    onStderr: stderr.add,
  });
  if (stdout.isOver() || stderr.isOver()) {
    throw new TcomposeError(`${hook.argv[0]} printed more than ${MOST_BYTES / 2 ** 20} MiB`, {
      code: 'output-too-long',
      address: `container/${name}`,
      help: 'write it to a file in the container, and copy that out',
    });
  }
  return { exitCode, stdout: stdout.bytes(), stderr: why === undefined ? stderr.bytes() : Buffer.from(why) };
}

function newPile() {
  const chunks: Buffer[] = [];
  let length = 0;
  return {
    add: (chunk: Buffer) => {
      length += chunk.length;
      if (length <= MOST_BYTES) chunks.push(chunk);
    },
    isOver: () => length > MOST_BYTES,
    bytes: () => Buffer.concat(chunks),
  };
}
