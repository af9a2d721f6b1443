/** `tcompose image inspect`. */
import { command } from '../command.ts';
import { jsonPretty } from '../ui/json.ts';

export const imageInspect = command({
  usage: 'IMAGE...',
  flags: {},
  takes: [1, Number.POSITIVE_INFINITY],
  run: async (cli, _flags, refs) => {
    const operation = await import('../../operations/images.ts');
    cli.out.data(jsonPretty(await cli.read((context) => operation.inspectImages(context, refs))));
    return 0;
  },
});
