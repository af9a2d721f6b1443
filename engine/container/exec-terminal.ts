/** An exec on a terminal: node-pty makes it, this process's terminal is raw meanwhile and passes on keys, output and size. */
import type { ExecRun } from './exec-run.ts';

export async function runOnTerminal({ binary, file }: ExecRun): Promise<number> {
  const { spawn } = await import('node-pty');
  const { stdin, stdout } = process;
  const terminal = spawn(binary, ['exec', file], {
    name: process.env['TERM'] ?? 'xterm',
    cols: stdout.columns ?? 80,
    rows: stdout.rows ?? 24,
    encoding: null,
  });
  const resize = () => terminal.resize(stdout.columns ?? 80, stdout.rows ?? 24);
  const type = (keys: Buffer) => terminal.write(keys as unknown as string);
  terminal.onData((text) => void stdout.write(text));
  stdout.on('resize', resize);
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', type).resume();
  try {
    const { exitCode, signal } = await new Promise<{ exitCode: number; signal?: number }>((resolve) =>
      terminal.onExit(resolve),
    );
    return signal ? 128 + signal : exitCode;
  } finally {
    stdout.off('resize', resize);
    stdin.off('data', type).pause();
    if (stdin.isTTY) stdin.setRawMode(false);
  }
}
