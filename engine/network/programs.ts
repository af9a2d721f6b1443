/** Runs the host's own network programs, `ip` and iptables, and says what to do where they are missing or refuse. */
import { spawn } from 'node:child_process';
import { TcomposeError } from '../../src/model/errors.ts';

const PACKAGES: Readonly<Record<string, string>> = { ip: 'iproute2', dnsmasq: 'dnsmasq-base' };

/** Root's PATH may lack the places of system programs (su, cron). */
const searchPath = (): string => `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

export interface Finished {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs a program to its end: as a child of this process (runProgram), or of the launcher's session (launcher/capture.ts). */
export type Runner = (program: string, args: readonly string[], input?: string) => Promise<Finished>;

/** Without the locale of whoever calls. */
export const systemEnvironment = () => ({ PATH: searchPath(), LC_ALL: 'C' });

export function runProgram(program: string, args: readonly string[], input = ''): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: systemEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => output.push(part));
    child.stderr.on('data', (part: Buffer) => errors.push(part));
    child.on('error', (cause: NodeJS.ErrnoException) => reject(cause.code === 'ENOENT' ? missing(program) : cause));
    child.on('close', (code) =>
      resolve({
        status: code ?? 1,
        output: Buffer.concat(output).toString(),
        errors: Buffer.concat(errors).toString(),
      }),
    );
    // It may end without having read: its exit status tells more than EPIPE does.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

export const missing = (program: string): TcomposeError =>
  new TcomposeError(`${program} is not installed`, {
    code: 'program-missing',
    help: `install it:\n    apt-get install ${PACKAGES[program] ?? 'iptables'}`,
  });
