/** `tcompose image import`: a root filesystem tar becomes an image of one layer. */
import { command } from '../command.ts';
import { given, list, text } from '../flags.ts';
import { openInput } from '../input.ts';

export const imageImport = command({
  usage: 'FILE|- [NAME[:TAG]]',
  flags: {
    change: list(
      'c',
      'INSTRUCTION',
      'a Dockerfile instruction for the image: CMD, ENV, EXPOSE, ... (repeat for several)',
    ),
    message: text('m', 'TEXT', 'a comment for the history of the image'),
    platform: text('', 'OS/ARCH', 'another platform than this one', { refused: true }),
  },
  takes: [1, 2],
  dryRun: 'refused',
  run: async (cli, flags, [file, name]) => {
    const source = await openInput(cli, file!);
    const operation = await import('../../operations/images.ts');
    const options = { changes: flags.change, ...given({ message: flags.message }) };
    const image = await cli.change('import', (context) => operation.importImage(context, source, name, options));
    cli.out.data(`${image.id}\n`);
    return 0;
  },
});
