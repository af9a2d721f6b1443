/** `tcompose exec`: a command in a running container; its exit code is ours. */
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { count, given, list, text, toggle } from '../flags.ts';

export const exec = command({
  usage: 'SERVICE COMMAND [WORDS...]',
  flags: {
    detach: toggle('d', 'leave the command running in the background'),
    env: list('e', 'KEY=VALUE', 'a variable of the environment (KEY alone: as it is here)'),
    index: count('', 'N', 'which container of the service'),
    privileged: toggle('', 'with all capabilities'),
    user: text('u', 'USER', 'as this user'),
    'no-tty': toggle('T', 'no terminal for the command (default when there is none here)'),
    'no-TTY': toggle('', 'no terminal for the command', { hidden: true }),
    workdir: text('w', 'FOLDER', 'in this folder of the container'),
    interactive: toggle('i', 'pass standard input on (default)', { hidden: true, byDefault: true }),
    tty: toggle('t', 'a terminal for the command (default when there is one here)', { hidden: true }),
  },
  takes: [2, Number.POSITIVE_INFINITY],
  ownWords: true,
  dryRun: 'refused',
  run: async (cli, flags, [service, ...words]) => {
    // `exec web -- ls`: nobody has a program of that name, many have the habit.
    const argv = words[0] === '--' ? words.slice(1) : words;
    if (argv.length === 0) throw usageError('exec needs a command', 'usage: tcompose exec SERVICE COMMAND [WORDS...]');
    const { stdin, stdout } = cli.terminal;
    if (flags.tty && !stdin) throw usageError('--tty needs a terminal as standard input', 'use -T');
    const tty = !flags['no-tty'] && !flags['no-TTY'] && !flags.detach && stdin && stdout;
    const target = await cli.target([service!]);
    const operation = await import('../../operations/exec.ts');
    return cli.read((context) =>
      operation.exec(context, target, {
        service: service!,
        argv,
        tty,
        interactive: flags.interactive,
        detach: flags.detach,
        env: flags.env,
        privileged: flags.privileged,
        ...given({ user: flags.user, workingDir: flags.workdir, index: flags.index }),
      }),
    );
  },
});
