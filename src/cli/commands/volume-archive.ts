/** `tcompose volume export` and `volume import`: a volume as a tar archive, and the other way round. */
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { text } from '../flags.ts';
import { openInput } from '../input.ts';
import { writeStream, writeToFile } from '../output-stream.ts';

export const volumeExport = command({
  usage: 'VOLUME',
  flags: { output: text('o', 'FILE', 'write to a file instead of standard output') },
  takes: [1, 1],
  dryRun: 'refused',
  run: async (cli, { output }, [name]) => {
    if (output === undefined && cli.terminal.stdout)
      throw usageError(
        'standard output is a terminal',
        'give a file with --output, or pass the archive through a pipe',
      );
    const operation = await import('../../operations/volumes-copies.ts');
    await cli.read(async (context) => {
      const { tar, usedBy } = await operation.exportVolume(context, name!);
      if (usedBy.length > 0)
        context.emit({ type: 'warning', text: `${usedBy.join(', ')} may write to volume ${name} meanwhile` });
      await (output === undefined ? writeStream(cli.out, tar) : writeToFile(output, tar));
    });
    return 0;
  },
});

export const volumeImport = command({
  usage: 'VOLUME [FILE]',
  flags: {},
  takes: [1, 2],
  dryRun: 'refused',
  notes:
    'The archive is read from FILE or standard input, plain or compressed by gzip or zstd. A volume that is there is filled only when it is empty, ' +
    'and no volume is there before the archive was read to its end.',
  run: async (cli, _flags, [name, file]) => {
    const source = await openInput(cli, file ?? '-');
    const operation = await import('../../operations/volumes-copies.ts');
    await cli.change('import', (context) => operation.importVolume(context, name!, source));
    cli.out.data(`${name}\n`);
    return 0;
  },
});
