/** `tcompose network inspect`. */
import { TcomposeErrors } from '../../model/errors.ts';
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
    const { found, missing } = await cli.read((context) => operation.inspectNetworks(context, names));
    // What is there is printed even so, as Docker does.
    if (flags.format === undefined) cli.out.data(jsonPretty(found));
    else if (flags.format === 'json') cli.out.data(`${JSON.stringify(found)}\n`);
    else cli.out.data(await renderRows(flags.format, found, {}));
    if (missing.length > 1) throw new TcomposeErrors(missing);
    if (missing[0]) throw missing[0];
    return 0;
  },
});
