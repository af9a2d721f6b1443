/** `tcompose image rm`: names are taken away; what has no name left is deleted. */
import { command } from '../command.ts';
import { familiar } from '../familiar.ts';
import { toggle } from '../flags.ts';

export const imageRm = command({
  usage: 'IMAGE...',
  flags: { force: toggle('f', 'also where a stopped container uses it') },
  takes: [1, Number.POSITIVE_INFINITY],
  dryRun: 'refused',
  run: async (cli, flags, refs) => {
    const operation = await import('../../operations/images.ts');
    const { untagged, deleted } = await cli.change('rm', (context) =>
      operation.removeImages(context, refs, { force: flags.force }),
    );
    cli.out.data(
      [...untagged.map((tag) => `Untagged: ${familiar(tag)}\n`), ...deleted.map((id) => `Deleted: ${id}\n`)].join(''),
    );
    return 0;
  },
});
