/** `tcompose volume ls`. */
import { command } from '../command.ts';
import { formatFlag, toggle } from '../flags.ts';
import { jsonLines } from '../ui/json.ts';
import { renderTable } from '../ui/table.ts';

export const volumeLs = command({
  usage: '',
  flags: { format: formatFlag, quiet: toggle('q', 'names only') },
  takes: [0, 0],
  run: async (cli, flags) => {
    const operation = await import('../../operations/volumes.ts');
    const project = cli.globals['project-name'];
    const rows = await cli.read((context) => operation.listVolumes(context, project === undefined ? {} : { project }));
    if (flags.quiet) cli.out.data(rows.map((row) => `${row.Name}\n`).join(''));
    else if (flags.format === 'json') cli.out.data(jsonLines(rows));
    else
      cli.out.data(
        renderTable(
          ['DRIVER', 'VOLUME NAME'],
          rows.map((row) => [row.Driver, row.Name]),
        ),
      );
    return 0;
  },
});
