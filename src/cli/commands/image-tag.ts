/** `tcompose image tag`. */
import { command } from '../command.ts';

export const imageTag = command({
  usage: 'IMAGE NAME[:TAG]',
  flags: {},
  takes: [2, 2],
  dryRun: 'refused',
  run: async (cli, _flags, [ref, name]) => {
    const operation = await import('../../operations/images.ts');
    await cli.change('tag', (context) => operation.tagImage(context, ref!, name!));
    return 0;
  },
});
