/** A command run in a container for whoever starts or stops it; what it says is kept. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { DesiredHook } from '../../src/model/desired.ts';
import type { Host } from '../host.ts';
import { encodeProgram } from '../launcher/wire.ts';
import { readContainerRecords } from '../state/container-records.ts';
import { containerRun } from '../state/paths.ts';
import { execProgram, readFailure } from './exec.ts';
import { noSuchContainer } from './unknown.ts';

interface HookResult {
  readonly exitCode: number;
  readonly output: string;
}

/** The last of what it printed, both streams in the order they came. */
const KEPT_BYTES = 65_536;

export async function runHook(host: Host, name: string, hook: DesiredHook): Promise<HookResult> {
  const record = readContainerRecords(host.paths).find((record) => record.name === name);
  if (record === undefined) throw noSuchContainer(name);
  const ops = await execProgram(host, record, { ...hook, tty: false, interactive: false, detach: false });
  const file = join(containerRun(host.paths, record.id), `exec-${randomBytes(8).toString('hex')}`);
  writeFileSync(file, encodeProgram(ops), { mode: 0o600 });
  try {
    const result = await run(host.launcher, file);
    const failure = await readFailure(file, ops);
    if (failure === undefined) return result;
    // No such program, or none that can be run: the answer that a shell would give.
    if (result.exitCode === 126 || result.exitCode === 127) return { ...result, output: `${failure.message}\n` };
    throw failure;
  } finally {
    for (const left of [file, `${file}.error`]) rmSync(left, { force: true });
  }
}

function run(launcher: string, file: string): Promise<HookResult> {
  // One pipe for both streams would keep their order, but Node offers none: they are read as they come.
  const child = spawn(launcher, ['exec', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const tail = newTail();
  child.stdout.on('data', tail.add);
  child.stderr.on('data', tail.add);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    let drain: NodeJS.Timeout | undefined;
    // What it left in the background may hold the pipes: two seconds, as for a container's own output.
    child.once('exit', () => {
      drain = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, 2000);
    });
    child.once('close', (code, signal) => {
      clearTimeout(drain);
      const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      resolve({ exitCode, output: tail.text() });
    });
  });
}

function newTail() {
  let chunks: Buffer[] = [];
  let bytes = 0;
  return {
    add: (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > 4 * KEPT_BYTES) {
        chunks = [Buffer.concat(chunks).subarray(-KEPT_BYTES)];
        bytes = KEPT_BYTES;
      }
    },
    text: () => Buffer.concat(chunks).subarray(-KEPT_BYTES).toString(),
  };
}
