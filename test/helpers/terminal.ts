/** A program on a pseudo-terminal, as a person would sit before it. */
import { type IPty, spawn } from 'node-pty';
import { eventually } from './eventually.ts';

export interface Terminal {
  /** Everything seen so far, with control sequences taken out. */
  readonly seen: () => string;
  readonly type: (keys: string) => void;
  readonly resize: (columns: number, rows: number) => void;
  /** Waits for words on the screen that came after the last ones waited for. */
  readonly waitFor: (words: RegExp, limitMs?: number) => Promise<string>;
  readonly ended: Promise<number>;
  readonly pid: number;
}

export const CTRL_C = '\x03';
export const CTRL_D = '\x04';
export const CTRL_Z = '\x1a';

export function openTerminal(argv: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }): Terminal {
  const [program, ...rest] = argv;
  // Where tests run by themselves, CI says that nobody looks: here somebody does.
  const { CI: _, ...inherited } = options.env;
  const env = { ...inherited, TERM: 'xterm-256color' };
  const pty: IPty = spawn(program!, rest, { cwd: options.cwd, env, cols: 100, rows: 30 });
  let text = '';
  let waitedTo = 0;
  pty.onData((data) => {
    text += data;
  });
  const ended = new Promise<number>((resolve) =>
    pty.onExit(({ exitCode, signal }) => resolve(signal ? 128 + signal : exitCode)),
  );
  const seen = () => text.replace(/\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-Z0-9]|\r/g, '');
  return {
    seen,
    type: (keys) => pty.write(keys),
    resize: (columns, rows) => pty.resize(columns, rows),
    pid: pty.pid,
    ended,
    waitFor: (words, limitMs = 15_000) =>
      eventually(() => {
        const fresh = seen().slice(waitedTo);
        const found = fresh.match(words);
        if (!found) throw new Error(`waiting for ${words}, but the screen says:\n${fresh}`);
        waitedTo += found.index! + found[0].length;
        return found[0];
      }, limitMs),
  };
}
