/** `tcompose network inspect`. */
import { command } from '../command.ts';
import { jsonPretty } from '../ui/json.ts';

export const networkInspect = command({
  usage: 'NETWORK...',
  flags: {},
  takes: [1, Number.POSITIVE_INFINITY],
  run: async (cli, _flags, names) => {
    const operation = await import('../../operations/networks.ts');
    cli.out.data(jsonPretty(await cli.read((context) => operation.inspectNetworks(context, names))));
    return 0;
  },
});
