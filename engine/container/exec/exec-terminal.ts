/**
 * An exec on a terminal: node-pty makes the client's, the launcher one of the container's own (terminal.c) and copies between the two.
 * This process's terminal is raw meanwhile and passes on keys, output and size.
 */
import { detachKeys as watchFor } from './detach-keys.ts';
import type { ExecRun } from './exec-run.ts';

/** Docker's words for a client that left. */
const LEFT = 'read escape sequence';

/** The exit code; undefined: the client left by its keys, and the program goes on. */
export async function runOnTerminal(
  { binary, file }: ExecRun,
  { interactive, detachKeys = 'ctrl-p,ctrl-q' }: { readonly interactive: boolean; readonly detachKeys?: string },
): Promise<number | undefined> {
  const watch = watchFor(detachKeys);
  const { spawn } = await import('node-pty');
  const { stdin, stdout } = process;
  const terminal = spawn(binary, ['terminal', file], {
    name: process.env['TERM'] ?? 'xterm',
    cols: stdout.columns ?? 80,
    rows: stdout.rows ?? 24,
    encoding: null,
  });
  const resize = () => terminal.resize(stdout.columns ?? 80, stdout.rows ?? 24);
  let leave = () => {};
  const hasLeft = new Promise<undefined>((resolve) => {
    leave = () => resolve(undefined);
  });
  const type = (keys: Buffer) => {
    const { pass, detached } = watch(keys);
    if (pass.length > 0) terminal.write(pass as unknown as string);
    if (detached) leave();
  };
  terminal.onData((text) => {
    // Node holds what a slow terminal does not take yet; the program waits instead.
    if (stdout.write(text)) return;
    terminal.pause();
    stdout.once('drain', () => terminal.resume());
  });
  stdout.on('resize', resize);
  if (interactive) {
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.on('data', type).resume();
  }
  try {
    const ended = new Promise<{ exitCode: number; signal?: number }>((resolve) => terminal.onExit(resolve));
    const end = await Promise.race([ended, hasLeft]);
    if (end !== undefined) return end.signal ? 128 + end.signal : end.exitCode;
    process.stderr.write(`\r\n${LEFT}\r\n`);
    return undefined;
  } finally {
    stdout.off('resize', resize);
    stdin.off('data', type).pause();
    if (stdin.isTTY) stdin.setRawMode(false);
  }
}
