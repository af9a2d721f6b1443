/** `tcompose image rm`: names are taken away; what has no name left is deleted. */
import { command } from '../command.ts';
import { familiar } from '../familiar.ts';
import { toggle } from '../flags.ts';
import { paint } from '../ui/paint.ts';
import { warningLine } from '../ui/progress.ts';

export const imageRm = command({
  usage: 'IMAGE...',
  flags: { force: toggle('f', 'also where a stopped container uses it; no error where there is no such image') },
  takes: [1, Number.POSITIVE_INFINITY],
  dryRun: 'refused',
  run: async (cli, flags, refs) => {
    const operation = await import('../../operations/images.ts');
    const onRemoved = ({ untagged, deleted }: { untagged: readonly string[]; deleted: readonly string[] }) =>
      cli.out.data(
        [...untagged.map((tag) => `Untagged: ${familiar(tag)}\n`), ...deleted.map((id) => `Deleted: ${id}\n`)].join(''),
      );
    const absent = await cli.change('rm', (context) =>
      operation.removeImages(context, refs, { force: flags.force, onRemoved }),
    );
    for (const { message } of absent) cli.out.note(warningLine(message, paint(cli.terminal.colorsOnStderr)));
    return 0;
  },
});
