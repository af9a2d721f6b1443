/** `tcompose image inspect`. */
import { TcomposeErrors } from '../../model/errors.ts';
import { command } from '../command.ts';
import { text } from '../flags.ts';
import { jsonPretty } from '../ui/json.ts';
import { renderRows } from '../ui/rows.ts';

export const imageInspect = command({
  usage: 'IMAGE...',
  flags: { format: text('f', 'FORMAT', "how to print: json, or a template: '{{.Id}} {{json .Config.Env}}'") },
  takes: [1, Number.POSITIVE_INFINITY],
  run: async (cli, flags, refs) => {
    const operation = await import('../../operations/images.ts');
    const { found, missing } = await cli.read((context) => operation.inspectImages(context, refs));
    // What is there is printed even so, as Docker does.
    if (flags.format === undefined) cli.out.data(jsonPretty(found));
    else if (flags.format === 'json') cli.out.data(`${JSON.stringify(found)}\n`);
    else cli.out.data(await renderRows(flags.format, found));
    if (missing.length > 1) throw new TcomposeErrors(missing);
    if (missing[0]) throw missing[0];
    return 0;
  },
});
