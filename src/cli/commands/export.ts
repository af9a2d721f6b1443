/** `tcompose export`: the file system of a container as a tar archive. */
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { count, given, text } from '../flags.ts';
import { writeStream, writeToFile } from '../output-stream.ts';

export const exportCommand = command({
  usage: 'SERVICE',
  flags: {
    index: count('', 'N', 'which container of the service'),
    output: text('o', 'FILE', 'write to a file instead of standard output'),
  },
  takes: [1, 1],
  dryRun: 'refused',
  run: async (cli, flags, [service]) => {
    if (flags.output === undefined && cli.terminal.stdout)
      throw usageError(
        'standard output is a terminal',
        'give a file with --output, or pass the archive through a pipe',
      );
    const target = await cli.target([service!]);
    const operation = await import('../../operations/commit.ts');
    await cli.read(async (context) => {
      const options = { service: service!, ...given({ index: flags.index }) };
      const { tar } = await operation.exportContainer(context, target, options);
      await (flags.output === undefined ? writeStream(cli.out, tar) : writeToFile(flags.output, tar));
    });
    return 0;
  },
});
