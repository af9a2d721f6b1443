/** `tcompose image load`: images of a `docker save` archive or an OCI layout. */
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { familiar } from '../familiar.ts';
import { text, toggle } from '../flags.ts';
import { pathOrInput } from '../input.ts';

export const imageLoad = command({
  usage: '[FILE|FOLDER|-]',
  flags: {
    input: text('i', 'FILE', 'the archive, or the folder of an OCI layout; default: standard input'),
    quiet: toggle('q', 'do not show progress'),
  },
  takes: [0, 1],
  dryRun: 'refused',
  run: async (cli, flags, [word]) => {
    if (word !== undefined && flags.input !== undefined)
      throw usageError('image load takes one archive', `leave out "${word}"`);
    const path = flags.input ?? word ?? '-';
    const source = await pathOrInput(cli, path);
    const operation = await import('../../operations/images.ts');
    const images = await cli.change('load', (context) => operation.loadImages(context, source));
    for (const { id, names, displaced } of images) {
      for (const { name, id: old } of displaced)
        cli.out.data(
          `The image ${familiar(name)} already exists, renaming the old one with ID ${old} to empty string\n`,
        );
      if (names.length === 0) cli.out.data(`Loaded image ID: ${id}\n`);
      for (const name of names) cli.out.data(`Loaded image: ${familiar(name)}\n`);
    }
    return 0;
  },
});
