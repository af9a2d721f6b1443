/** An exec without a terminal: the program has the very streams of this process, so nothing is copied on the way. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { TcomposeError } from '../../../src/model/errors.ts';

export interface ExecRun {
  /** The launcher. */
  readonly binary: string;
  /** The encoded program. */
  readonly file: string;
}

const INTERRUPT_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** The exit code of the program. */
export function runHere({ binary, file }: ExecRun, interactive: boolean): Promise<number> {
  const child = spawn(binary, ['exec', file], { stdio: [interactive ? 'inherit' : 'ignore', 'inherit', 'inherit'] });
  // A signal for us is for the program: we end when it has.
  const passOn = INTERRUPT_SIGNALS.map((signal) => {
    const handler = () => void child.kill(signal);
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return new Promise<number>((resolve, reject) => {
    child.once('error', (cause) => reject(launcherMissing(binary, cause)));
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  }).finally(() => {
    for (const undo of passOn) undo();
  });
}

/** 0 when the program runs, which the launcher tells by a byte; else the code of what could not be run. */
export function runDetached({ binary, file }: ExecRun): Promise<number> {
  const child = spawn(binary, ['detach', file], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(launcherMissing(binary, cause)));
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    child.stdout.once('data', () => {
      child.unref();
      child.stdout.destroy();
      resolve(0);
    });
  });
}

const launcherMissing = (binary: string, cause: unknown) =>
  new TcomposeError(`cannot run ${binary}`, { code: 'launcher-broken', help: 'build it:\n    npm run build', cause });
