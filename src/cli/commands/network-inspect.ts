/** `tcompose network inspect`. */
import { command } from '../command.ts';
import { text, toggle } from '../flags.ts';
import { jsonPretty } from '../ui/json.ts';
import { renderRows } from '../ui/rows.ts';

export const networkInspect = command({
  usage: 'NETWORK...',
  flags: {
    format: text('f', 'FORMAT', "how to print: json, or a template: '{{.Name}} {{json .IPAM.Config}}'"),
    verbose: toggle('v', 'has no effect', { hidden: true }),
  },
  takes: [1, Number.POSITIVE_INFINITY],
  run: async (cli, flags, names) => {
    const operation = await import('../../operations/networks.ts');
    const found = await cli.read((context) => operation.inspectNetworks(context, names));
    if (flags.format === undefined) cli.out.data(jsonPretty(found));
    else if (flags.format === 'json') cli.out.data(`${JSON.stringify(found)}\n`);
    else cli.out.data(await renderRows(flags.format, found, {}));
    return 0;
  },
});
