/** Runs a program to its end and keeps everything it said; a failing exit status is a result, not an exception. */
import { spawn } from 'node:child_process';
import { slowness } from './slowness.ts';

export interface ProgramResult {
  readonly command: string;
  /** 128 + n when ended by signal n, as a shell counts. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly elapsedMs: number;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string | Buffer;
  readonly limitMs?: number;
}

export function runProgram(argv: readonly string[], options: RunOptions = {}): Promise<ProgramResult> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const [program, ...rest] = argv;
    const child = spawn(program!, rest, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.env && { env: options.env }),
    });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => undefined); // It may end without reading.
    child.stdin.end(options.input ?? '');
    const timer = setTimeout(() => child.kill('SIGKILL'), (options.limitMs ?? 110_000) * slowness);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        command: argv.join(' '),
        code: code ?? 128 + (signal === 'SIGKILL' ? 9 : signal === 'SIGINT' ? 2 : 15),
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
        elapsedMs: performance.now() - begun,
      });
    });
  });
}
