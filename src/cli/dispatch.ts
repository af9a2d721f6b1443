/** From the words of the command line to an exit code: finds the command, reads its flags, runs it, reports what failed. */
import { parseArgs, usageError } from './args.ts';
import type { Command, Entry } from './command.ts';
import { COMMANDS, NOT_YET } from './commands/index.ts';
import type { Doors } from './doors.ts';
import { EXIT, exitCodeOfSignal } from './exit-codes.ts';
import { GLOBAL_FLAGS, type Globals, toggle } from './flags.ts';
import { createInterrupt } from './interrupt.ts';
import { nearest } from './nearest.ts';
import { createCli, rootNeeded } from './session.ts';
import { createOutput, type Output } from './ui/output.ts';

const FIRST_FLAGS = { ...GLOBAL_FLAGS, version: toggle('v', 'print the version') };

/** What one run of the program carries along. */
interface Run {
  readonly words: readonly string[];
  readonly doors: Doors;
  readonly out: Output;
  /** Leaves at once: for the second Ctrl-C. */
  readonly exit: (code: number) => never;
  /** As far as they are known: an error in the flags is shown in the style that was asked for, where that can be told. */
  globals: Globals;
}

/** Everything that is thrown ends here. */
export async function dispatch(
  words: readonly string[],
  doors: Doors,
  exit: (code: number) => never,
  out: Output = createOutput(),
): Promise<number> {
  const run: Run = { words, doors, exit, out, globals: parseFirst([]).globals };
  const report = async (error: unknown): Promise<number> => {
    const { reportFailure } = await import('./report.ts');
    return reportFailure(error, run.globals, doors, run.out);
  };
  doors.onStray?.((error) => void report(error).then(exit));
  try {
    return await runFirst(parseFirst(words), run);
  } catch (error) {
    return report(error);
  }
}

interface First {
  readonly globals: Globals;
  readonly rest: readonly string[];
  readonly wantsHelp: boolean;
  readonly wantsVersion: boolean;
}

function parseFirst(words: readonly string[]): First {
  const { values, positionals, wantsHelp } = parseArgs(words, [FIRST_FLAGS], { stopAfter: 1 });
  // `alias docker-compose='tcompose compose'` and the habit of typing it.
  if (positionals[0] === 'compose' && !wantsHelp) {
    const again = parseFirst(positionals.slice(1));
    return { ...again, globals: mergeGlobals(values as Globals, again.globals) };
  }
  return { globals: values as Globals, rest: positionals, wantsHelp, wantsVersion: values['version'] === true };
}

async function runFirst(first: First, run: Run): Promise<number> {
  run.globals = first.globals;
  const [name] = first.rest;
  if (first.wantsVersion) return runNamed(['version'], run);
  if (name === 'help') return help(run, first.rest.slice(1));
  if (first.wantsHelp || name === undefined) return help(run, first.rest);
  return runNamed(first.rest, run);
}

async function help({ out }: Run, about: readonly string[]): Promise<number> {
  const { printHelp } = await import('./help.ts');
  return printHelp(out, about);
}

async function runNamed(rest: readonly string[], run: Run): Promise<number> {
  const found = await findCommand(rest);
  if ('help' in found) return help(run, found.help);
  const { name, command } = found;
  const { values, positionals, wantsHelp } = parseArgs(found.words, [command.flags, GLOBAL_FLAGS], {
    command: name,
    ...(command.ownWords && { stopAfter: 1 }),
  });
  run.globals = mergeGlobals(run.globals, values as Globals, command);
  if (wantsHelp) return help(run, name.split(' '));
  checkCount(name, command, positionals);
  if (run.globals['dry-run'] && command.dryRun === 'refused')
    throw usageError(`${name} cannot be tried with --dry-run`);
  if (!run.doors.isRoot() && !command.withoutRoot?.(values as never)) {
    throw rootNeeded({ doors: run.doors, words: run.words, name });
  }
  return runCommand(name, command, values, positionals, run);
}

async function runCommand(name: string, command: Command, values: object, words: readonly string[], run: Run) {
  const { out, doors, globals } = run;
  const interrupt = createInterrupt((signal) => {
    // The rows of progress hide the cursor.
    if (cli.terminal.progress === 'tty') out.note('\x1b[?25h');
    run.exit(exitCodeOfSignal(signal));
  });
  out.onClosed(() => interrupt.abort());
  const cli = createCli({ doors, commands: COMMANDS, globals, words: run.words, name, out, interrupt });
  try {
    const code = (await command.run(cli, values as never, words)) ?? EXIT.ok;
    return out.isClosed ? EXIT.brokenPipe : code;
  } catch (error) {
    if (out.isClosed) return EXIT.brokenPipe;
    if (!isInterrupted(error) || !interrupt.received) throw error;
    if (cli.terminal.progress !== 'quiet') out.note(`${(error as Error).message}\n`);
    return exitCodeOfSignal(interrupt.received);
  }
}

const isInterrupted = (error: unknown): boolean => (error as { code?: unknown } | undefined)?.code === 'interrupted';

type Found = { name: string; command: Command; words: readonly string[] } | { help: readonly string[] };

/** `image import` is two words; `image` alone, or `image --help`, is a question. */
async function findCommand(rest: readonly string[]): Promise<Found> {
  const name = rest[0]!;
  const entry: Entry | undefined = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!entry) throw unknownCommand(name, Object.keys(COMMANDS));
  if ('load' in entry) return { name, command: await entry.load(), words: rest.slice(1) };
  const inner = parseArgs(rest.slice(1), [GLOBAL_FLAGS], { stopAfter: 1, command: name });
  const second = inner.positionals[0];
  if (second === undefined || second === 'help') return { help: [name] };
  const member = Object.hasOwn(entry.members, second) ? entry.members[second] : undefined;
  if (!member)
    throw unknownCommand(
      `${name} ${second}`,
      Object.keys(entry.members).map((key) => `${name} ${key}`),
    );
  const flagsBefore = rest.slice(1, rest.length - inner.positionals.length);
  return {
    name: `${name} ${second}`,
    command: await member.load(),
    words: [...flagsBefore, ...inner.positionals.slice(1)],
  };
}

function unknownCommand(name: string, known: readonly string[]) {
  if (NOT_YET.includes(name)) {
    return usageError(
      `${name} is a command of Compose that tcompose does not have yet`,
      'see what it has: tcompose help',
    );
  }
  const meant = nearest(name, known);
  return usageError(`there is no command "${name}"`, meant ? `did you mean "${meant}"?` : 'see: tcompose help');
}

/** Lists add up, other flags: the one nearer to the end. Flags that the command itself has are not global ones. */
function mergeGlobals(before: Globals, after: Globals, command?: Command): Globals {
  const merged: Record<string, unknown> = {};
  for (const name of Object.keys(GLOBAL_FLAGS) as (keyof Globals)[]) {
    const [old, later] = [before[name], command && name in command.flags ? undefined : after[name]];
    merged[name] = Array.isArray(old) && Array.isArray(later) ? [...old, ...later] : later || old;
  }
  return merged as Globals;
}

function checkCount(name: string, command: Command, words: readonly string[]): void {
  const [atLeast, atMost] = command.takes ?? [0, Number.POSITIVE_INFINITY];
  const usage = `usage: tcompose ${name} ${command.usage}`.trimEnd();
  if (words.length < atLeast) throw usageError(`${name} needs more than it was given`, usage);
  if (words.length > atMost) throw usageError(`${name} does not know what to do with "${words[atMost]}"`, usage);
}
