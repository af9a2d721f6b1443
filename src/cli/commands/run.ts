/** `tcompose run`: one command in a container of its own; its exit code is ours. */
import { usageError } from '../args.ts';
import { type Cli, command } from '../command.ts';
import {
  buildChoices,
  buildFlags,
  type FlagValues,
  given,
  list,
  pullChoices,
  pullFlag,
  text,
  toggle,
} from '../flags.ts';
import type { Progress } from '../ui/progress.ts';

const RUN_FLAGS = {
  detach: toggle('d', 'leave it running in the background and print its id'),
  rm: toggle('', 'remove the container and its anonymous volumes when it ends'),
  entrypoint: text('', 'WORDS', "in place of the image's and the service's entrypoint"),
  env: list('e', 'KEY=VALUE', 'a variable of the environment (KEY alone: as it is here)'),
  'env-from-file': list('', 'FILE', 'variables of a file'),
  user: text('u', 'USER', 'as this user'),
  workdir: text('w', 'FOLDER', 'in this folder of the container'),
  volume: list('v', '[SOURCE:]TARGET[:ro]', 'mount one more volume or path'),
  publish: list('p', '[[IP:]HOST:]PORT', 'publish a port'),
  'service-ports': toggle('P', 'publish the ports of the service'),
  label: list('l', 'KEY=VALUE', 'a label'),
  name: text('', 'NAME', 'name of the container'),
  'use-aliases': toggle('', 'answer to the names of the service on its networks'),
  'cap-add': list('', 'NAME', 'a capability more'),
  'cap-drop': list('', 'NAME', 'a capability less'),
  'no-deps': toggle('', 'without what the service depends on'),
  'remove-orphans': toggle('', 'remove containers of services that the files do not have'),
  'no-tty': toggle('T', 'no terminal for the command (default when there is none here)'),
  'no-TTY': toggle('', 'no terminal for the command', { hidden: true }),
  tty: toggle('t', 'a terminal for the command (default when there is one here)', { hidden: true }),
  interactive: toggle('i', 'pass standard input on (default)', { byDefault: true }),
  quiet: toggle('q', 'say nothing but what the command prints'),
  'quiet-pull': toggle('', 'do not show pulling'),
  pull: pullFlag,
  build: buildFlags.build,
  'quiet-build': buildFlags['quiet-build'],
} as const;

type RunFlags = FlagValues<typeof RUN_FLAGS>;

export const run = command({
  usage: 'SERVICE [COMMAND] [WORDS...]',
  flags: RUN_FLAGS,
  takes: [1, Number.POSITIVE_INFINITY],
  ownWords: true,
  dryRun: 'simulated',
  run: async (cli, flags, [service, ...words]) => {
    if (flags['service-ports'] && flags.publish.length > 0)
      throw usageError('--service-ports and --publish contradict each other', 'leave one out');
    const tty = hasTerminal(cli, flags);
    const labels = labelsOf(flags.label);
    const project = await cli.project([service!]);
    const isSet = (name: string) => /^(1|t|true|y|yes|on)$/i.test(project.environment[name] ?? cli.env[name] ?? '');
    const quiet = { quiet: flags.quiet };
    const body = async (context: Context, progress: Progress) => {
      const operation = await import('../../operations/run.ts');
      const name = await operation.run(context, project, {
        service: service!,
        command: words[0] === '--' ? words.slice(1) : words,
        detach: flags.detach,
        interactive: flags.interactive && !flags.detach,
        tty,
        removes: flags.rm,
        noDeps: flags['no-deps'],
        servicePorts: flags['service-ports'],
        useAliases: flags['use-aliases'],
        removeOrphans: flags['remove-orphans'] || isSet('COMPOSE_REMOVE_ORPHANS'),
        ignoreOrphans: isSet('COMPOSE_IGNORE_ORPHANS'),
        pull: { ...pullChoices(flags), ...(flags.quiet && { quiet: true }) },
        build: { ...buildChoices(flags), ...(flags.quiet && { quiet: true }) },
        publish: flags.publish,
        volumes: flags.volume,
        labels,
        env: flags.env,
        envFiles: flags['env-from-file'],
        capAdd: flags['cap-add'],
        capDrop: flags['cap-drop'],
        cwd: cli.wish().cwd,
        ...given({ entrypoint: flags.entrypoint, user: flags.user, workingDir: flags.workdir, name: flags.name }),
      });
      await progress.finish();
      if (cli.globals['dry-run']) return 0;
      if (!flags.detach) return attached(cli, context, name, flags);
      cli.out.data(`${await operation.idOfRun(context, name)}\n`);
      return 0;
    };
    return cli.change('run', body, quiet);
  },
});

type Context = Parameters<Parameters<Cli['change']>[1]>[0];

/** Signals go to the container, which decides what they mean; the third says that the user has had enough of that. */
async function attached(cli: Cli, context: Context, name: string, flags: RunFlags): Promise<number> {
  const operation = await import('../../operations/run.ts');
  const enough = new AbortController();
  cli.onInterrupt((_, times) => {
    if (times >= 3) enough.abort();
  });
  try {
    const code = await operation.attachToRun(context, name, { stdin: flags.interactive, signal: enough.signal });
    if (code !== undefined) return code;
    if (enough.signal.aborted) cli.out.note('got 3 signals, leaving\n');
    return enough.signal.aborted ? 1 : 0;
  } catch (error) {
    enough.abort();
    throw error;
  } finally {
    const isThere = async () => (await context.engine.containers.find(name))?.status === 'running';
    // Left by the detach keys, and not because nobody reads it, it goes on, and is removed by a later command.
    if (flags.rm && (enough.signal.aborted || !(await isThere()))) await operation.removeRun(context, name);
  }
}

function hasTerminal(cli: Cli, flags: RunFlags): boolean {
  const { stdin, stdout } = cli.terminal;
  const refusesTty = flags['no-tty'] || flags['no-TTY'];
  if (flags.tty && refusesTty) throw usageError('--tty and --no-tty contradict each other', 'leave one out');
  if (flags.tty && flags.interactive && !flags.detach && !stdin)
    throw usageError('--tty needs a terminal as standard input', 'use -T');
  if (refusesTty) return false;
  return flags.tty || (stdout && (stdin || !flags.interactive) && !flags.detach);
}

function labelsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at < 1) throw usageError(`--label needs KEY=VALUE, not "${word}"`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}
