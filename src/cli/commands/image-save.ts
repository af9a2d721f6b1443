/** `tcompose image save`: images as an archive that `docker load`, skopeo and podman read. */
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { text } from '../flags.ts';
import { writeStream, writeToFile } from '../output-stream.ts';

export const imageSave = command({
  usage: 'IMAGE...',
  flags: { output: text('o', 'FILE', 'write to a file instead of standard output') },
  takes: [1, Number.POSITIVE_INFINITY],
  run: async (cli, flags, refs) => {
    if (flags.output === undefined && cli.terminal.stdout)
      throw usageError(
        'standard output is a terminal',
        'give a file with --output, or pass the archive through a pipe',
      );
    await cli.read(async ({ engine }) => {
      const tar = await engine.images.save(refs);
      await (flags.output === undefined ? writeStream(cli.out, tar) : writeToFile(flags.output, tar));
    });
    return 0;
  },
});
