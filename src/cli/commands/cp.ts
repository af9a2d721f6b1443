/** `tcompose cp`: files between a container of a service and this host. */
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { count, given, toggle } from '../flags.ts';
import { openInput } from '../input.ts';
import { writeStream } from '../output-stream.ts';

export const cp = command({
  usage: 'SERVICE:PATH PATH|- | PATH|- SERVICE:PATH',
  flags: {
    all: toggle('', 'containers made by run too'),
    archive: toggle('a', 'what is copied in belongs to the user that the container runs as'),
    'follow-link': toggle('L', 'copy what a link leads to'),
    index: count('', 'N', 'which container of the service'),
  },
  takes: [2, 2],
  dryRun: 'refused',
  notes:
    'A folder keeps its name in a folder that exists; FOLDER/. is what is in it. - is a tar archive, read or written.\n' +
    'Ids and modes are kept on the way in; what comes out belongs to you.',
  run: async (cli, flags, [from, to]) => {
    const operation = await import('../../operations/cp.ts');
    const [source, destination] = [operation.copyEnd(from!), operation.copyEnd(to!)];
    if (destination.path === '-' && cli.terminal.stdout)
      throw usageError('standard output is a terminal', 'pass the archive through a pipe, or copy to a path');
    const service = source.service ?? destination.service;
    const target = await cli.target(service === undefined ? [] : [service]);
    const input = source.service === undefined && source.path === '-' ? await openInput(cli, '-') : process.stdin;
    const names = await cli.read((context) =>
      operation.cp(context, target, {
        source,
        destination,
        all: flags.all,
        archive: flags.archive,
        followLink: flags['follow-link'],
        cwd: cli.wish().cwd,
        input,
        output: (tar) => writeStream(cli.out, tar),
        ...given({ index: flags.index }),
      }),
    );
    if (destination.path === '-' || cli.terminal.progress === 'quiet' || cli.terminal.progress === 'json') return 0;
    for (const name of names) {
      const way =
        source.service === undefined ? `${from} to ${name}:${destination.path}` : `${name}:${source.path} to ${to}`;
      cli.out.note(` ${name} copy ${way} Copied\n`);
    }
    return 0;
  },
});
