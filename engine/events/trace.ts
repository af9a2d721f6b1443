/**
 * RUN/containers/ID/trace: what no state of a container tells, namely other programs run in it, and that a start was half of a restart.
 * Lines are appended, never synced, and few are kept: `exec ID TIME "COMMAND"` and `restart TIME` are written here, `died ID TIME CODE`
 * by the launcher (engine/launcher/direct.c), which alone knows the end of a program whose client has left.
 */
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { randomHex } from '../state/random.ts';
import type { Change } from './changes.ts';

/** Bytes; a file that has grown so far is set aside as `trace.old`, over the one before. */
const KEPT = 128 * 1024;
/** Characters of a command. */
const COMMAND = 2048;

const fileOf = (runDir: string): string => join(runDir, 'trace');

/** Traces what is about to be run, and gives the file that its launch program goes to: the launcher knows it by that name. */
export function newExec(runDir: string, argv: readonly string[]): string {
  const id = randomHex(8);
  append(runDir, `exec ${id} ${new Date().toISOString()} ${JSON.stringify(commandWords(argv))}\n`);
  return join(runDir, `exec-${id}`);
}

export function traceRestart(runDir: string): void {
  append(runDir, `restart ${new Date().toISOString()}\n`);
}

/** As Docker's events have it: the program, a blank, its arguments. */
export const commandWords = ([program = '', ...words]: readonly string[]): string =>
  `${program} ${words.join(' ')}`.slice(0, COMMAND);

/** Nothing depends on it: a run folder that has just gone is no reason to fail. */
function append(runDir: string, line: string): void {
  let file: number | undefined;
  try {
    file = openSync(fileOf(runDir), 'a', 0o600);
    writeSync(file, line);
    if (fstatSync(file).size > KEPT) renameSync(fileOf(runDir), `${fileOf(runDir)}.old`);
  } catch {
    return;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Reads what is added, across the change of files. */
export class TraceReader {
  readonly #path: string;
  #file: number | undefined;
  #rest = '';

  constructor(runDir: string) {
    this.#path = fileOf(runDir);
  }

  /** All that came since the last call; of the first: all that is kept. */
  read(): readonly Change[] {
    const text = this.#file === undefined ? readWhole(`${this.#path}.old`) + this.#readOn() : this.#readOn();
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    return lines.flatMap(parseLine);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #readOn(): string {
    let text = '';
    for (;;) {
      this.#file ??= openIfThere(this.#path);
      if (this.#file === undefined) return text;
      text += readRest(this.#file);
      if (inodeOf(this.#path) === fstatSync(this.#file).ino) return text;
      // Set aside meanwhile: the last of it, then the next one.
      text += readRest(this.#file);
      this.close();
      if (inodeOf(this.#path) === undefined) return text;
    }
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

function readWhole(path: string): string {
  const file = openIfThere(path);
  if (file === undefined) return '';
  try {
    return readRest(file);
  } finally {
    closeSync(file);
  }
}

/** From where the last read of this descriptor ended. */
function readRest(file: number): string {
  const chunks: Buffer[] = [];
  for (const chunk = Buffer.alloc(64 * 1024); ; ) {
    const length = readSync(file, chunk, 0, chunk.length, null);
    if (length === 0) return Buffer.concat(chunks).toString();
    chunks.push(Buffer.from(chunk.subarray(0, length)));
  }
}

const inodeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.ino;

/** A line that is not whole or of another version tells nothing. */
function parseLine(line: string): readonly Change[] {
  const [, execID = '', at = '', command = ''] = /^exec ([0-9a-f]+) (\S+) (".*")$/.exec(line) ?? [];
  if (execID !== '') return begun(execID, at, JSON.parse(command) as string);
  const [, died, diedAt = '', exitCode = ''] = /^died ([0-9a-f]+) (\S+) ([0-9]+)$/.exec(line) ?? [];
  if (died !== undefined) return [{ action: 'exec_die', at: diedAt, attributes: { execID: died, exitCode } }];
  const [, restartedAt] = /^restart (\S+)$/.exec(line) ?? [];
  return restartedAt === undefined ? [] : [{ action: 'restart', at: restartedAt, attributes: {} }];
}

/** It is made and started in one. */
const begun = (execID: string, at: string, command: string): readonly Change[] =>
  (['exec_create', 'exec_start'] as const).map((action) => ({ action, at, attributes: { execID, command } }));
