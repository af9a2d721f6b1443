/** `tcompose image history`. */
import { command } from '../command.ts';
import { templateFlag, text, toggle } from '../flags.ts';
import { renderRows } from '../ui/rows.ts';

export const imageHistory = command({
  usage: 'IMAGE',
  flags: {
    format: templateFlag,
    human: text('H', 'true|false', 'sizes and times for people; default: true', { choices: ['true', 'false'] }),
    'no-trunc': toggle('', 'everything in full'),
    quiet: toggle('q', 'ids only'),
  },
  takes: [1, 1],
  run: async (cli, flags, [ref]) => {
    const operation = await import('../../operations/image-history.ts');
    const human = flags.human !== 'false';
    const rows = await cli.read((context) =>
      operation.imageHistory(context, ref!, { noTrunc: flags['no-trunc'], human }),
    );
    if (flags.quiet) cli.out.data(rows.map((row) => `${row.ID}\n`).join(''));
    else {
      const table = `table {{.ID}}\t{{.${human ? 'CreatedSince' : 'CreatedAt'}}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`;
      const format = flags.format === undefined || flags.format === 'table' ? table : flags.format;
      cli.out.data(await renderRows(format, rows, { ID: 'IMAGE', CreatedSince: 'CREATED', CreatedBy: 'CREATED BY' }));
    }
    return 0;
  },
});
