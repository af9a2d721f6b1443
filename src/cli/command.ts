/** What a command is, and what it is handed to do its work. */
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Plan } from '../model/plan.ts';
import type { Project } from '../model/project.ts';
import type { Accounts } from '../model/registry.ts';
import type { Context, Target } from '../operations/context.ts';
import type { LoadWish } from './doors.ts';
import type { Flags, FlagValues, Globals } from './flags.ts';
import type { Output } from './ui/output.ts';
import type { Progress } from './ui/progress.ts';
import type { Terminal } from './ui/terminal.ts';

export interface Command<F extends Flags = Flags> {
  /** After the name: `[SERVICE...]`. */
  readonly usage: string;
  readonly flags: F;
  /** How many words it takes besides flags; any number when absent. */
  readonly takes?: readonly [atLeast: number, atMost: number];
  /** Flags end with the first other word: what follows belongs to the user's own command. */
  readonly ownWords?: true;
  /** What `--dry-run` does; absent: it changes nothing anyway. `refused`: it cannot be tried without doing it. */
  readonly dryRun?: 'simulated' | 'refused';
  /** Only reads files: works for everybody. */
  withoutRoot?(flags: FlagValues<F>): boolean;
  /** More for `tcompose help COMMAND`. */
  readonly notes?: string;
  /** The exit code; nothing is 0. */
  run(cli: Cli, flags: FlagValues<F>, words: readonly string[]): Promise<number | undefined>;
}

export const command = <const F extends Flags>(definition: Command<F>): Command<F> => definition;

/** A command as the table of commands has it: its file is read when it is wanted. */
export interface Single {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}
export interface Group {
  readonly summary: string;
  readonly members: Readonly<Record<string, Single>>;
}
export type Entry = Single | Group;

export interface Cli {
  readonly globals: Globals;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: Output;
  readonly terminal: Terminal;
  readonly version: string;
  /** All of them: for completion. */
  readonly commands: Readonly<Record<string, Entry>>;
  /** From the Compose files. Findings are printed; an error among them ends the command with exit code 2. Named services bring their profiles. */
  project(services?: readonly string[]): Promise<Project>;
  /** Which files, for operations that load by themselves. */
  wish(services?: readonly string[]): LoadWish;
  /** Prints findings about files: as a JSON array where the command's own output is JSON. */
  tell(findings: readonly Diagnostic[], options?: { readonly json: boolean }): Promise<void>;
  /** As Compose: with -p and without -f the name is enough, no file is read. */
  target(services?: readonly string[]): Promise<Target>;
  /** `nginx` → `docker.io/library/nginx:latest@sha256:…`, asked of its registry. */
  pinImage(image: string): Promise<string>;
  /** Who the user is at registries. */
  accounts(): Promise<Accounts>;
  /** Uses the engine to look at things. Ends it afterwards. */
  read<T>(use: (context: Context) => Promise<T>): Promise<T>;
  /** Uses the engine to change things: progress is shown, Ctrl-C finishes what runs and begins nothing new. */
  change<T>(
    title: string,
    use: (context: Context, progress: Progress) => Promise<T>,
    options?: { readonly quiet: boolean },
  ): Promise<T>;
  /** What to do on the first and on any further Ctrl-C, SIGTERM or SIGHUP, in place of what `change` does. */
  onInterrupt(listener: (signal: InterruptSignal, times: number) => void): void;
}

export type InterruptSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** For commands that apply a plan: where there was nothing to do, they say so. */
export function sayIfNothing(cli: Cli, plan: Plan, what: string): undefined {
  if (plan.steps.length === 0 && plan.warnings.length === 0 && cli.terminal.progress !== 'quiet') {
    if (cli.terminal.progress === 'json') cli.out.note(`${JSON.stringify({ status: 'Done', text: what })}\n`);
    else cli.out.note(`${what}\n`);
  }
  return undefined;
}
