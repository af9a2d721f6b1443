/** `tcompose volume inspect`. */
import { command } from '../command.ts';
import { jsonPretty } from '../ui/json.ts';

export const volumeInspect = command({
  usage: 'VOLUME...',
  flags: {},
  takes: [1, Number.POSITIVE_INFINITY],
  run: async (cli, _flags, names) => {
    const operation = await import('../../operations/volumes.ts');
    cli.out.data(jsonPretty(await cli.read((context) => operation.inspectVolumes(context, names))));
    return 0;
  },
});
