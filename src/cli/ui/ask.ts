/** Answers typed on a terminal, one of which nobody may read over the shoulder. */
import type { Cli } from '../command.ts';

/** One line, without its end; undefined where there is none. */
export async function askLine(cli: Cli, question: string): Promise<string | undefined> {
  cli.out.note(question);
  const { createInterface } = await import('node:readline');
  const lines = createInterface({ input: process.stdin, terminal: false });
  try {
    for await (const line of lines) return line;
    return undefined;
  } finally {
    lines.close();
    process.stdin.unref?.();
  }
}

const [INTERRUPT, END, ERASE, ENTER] = [['\u0003'], ['\u0004'], ['\u007f', '\b'], ['\r', '\n']];

/** What is typed is not shown. Undefined: Ctrl-C or Ctrl-D in place of an answer. */
export async function askSecret(cli: Cli, question: string): Promise<string | undefined> {
  cli.out.note(question);
  const { stdin } = process;
  stdin.setRawMode(true);
  stdin.resume();
  try {
    let typed = '';
    for (;;) {
      const chunk = await new Promise<Buffer>((resolve) => stdin.once('data', resolve));
      for (const character of chunk.toString()) {
        if (INTERRUPT.includes(character)) return undefined;
        if (END.includes(character)) return typed || undefined;
        if (ENTER.includes(character)) return typed;
        typed = ERASE.includes(character) ? typed.slice(0, -1) : typed + character;
      }
    }
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    cli.out.note('\n');
  }
}
