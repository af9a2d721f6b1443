/** `tcompose network ls`. */
import { command } from '../command.ts';
import { formatFlag, toggle } from '../flags.ts';
import { jsonLines } from '../ui/json.ts';
import { renderTable } from '../ui/table.ts';

export const networkLs = command({
  usage: '',
  flags: { format: formatFlag, quiet: toggle('q', 'ids only') },
  takes: [0, 0],
  run: async (cli, flags) => {
    const operation = await import('../../operations/networks.ts');
    const project = cli.globals['project-name'];
    const rows = await cli.read((context) => operation.listNetworks(context, project === undefined ? {} : { project }));
    if (flags.quiet) cli.out.data(rows.map((row) => `${row.ID}\n`).join(''));
    else if (flags.format === 'json') cli.out.data(jsonLines(rows));
    else {
      const cells = rows.map((row) => [row.ID, row.Name, row.Driver, row.Scope]);
      cli.out.data(renderTable(['NETWORK ID', 'NAME', 'DRIVER', 'SCOPE'], cells));
    }
    return 0;
  },
});
