/** The exact line that runs the same command as root, ready to be pasted. */

export interface Invocation {
  /** Absolute path of bin/tcompose. */
  readonly program: string;
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hasSudo: boolean;
}

/** sudo keeps the folder but not the environment: what steers tcompose is handed over by name. */
export function asRoot({ program, words, env, hasSudo }: Invocation): string {
  const kept = Object.entries(env)
    .filter(([name, value]) => value !== undefined && /^(COMPOSE|TCOMPOSE)_\w+$/.test(name))
    .map(([name, value]) => `${name}=${quote(value!)}`);
  const line = [program, ...words].map(quote).join(' ');
  if (hasSudo) return ['sudo', ...kept, line].join(' ');
  return `su root -c ${quote([...kept, line].join(' '))}`;
}

/** For a POSIX shell. */
export const quote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
