/** `tcompose network ls`. */
import { command } from '../command.ts';
import { list, templateFlag, toggle } from '../flags.ts';
import { renderRows } from '../ui/rows.ts';

export const networkLs = command({
  usage: '',
  flags: {
    filter: list('f', 'KEY=VALUE', 'only these: name, id, driver, label, type or dangling (repeat for several)'),
    format: templateFlag,
    'no-trunc': toggle('', 'ids in full'),
    quiet: toggle('q', 'ids only'),
  },
  takes: [0, 0],
  run: async (cli, flags) => {
    const operation = await import('../../operations/networks.ts');
    const { LS_FILTERS, parseFilters } = await import('../../operations/network-filter.ts');
    const filters = parseFilters(flags.filter, LS_FILTERS);
    const project = cli.globals['project-name'];
    const found = await cli.read((context) =>
      operation.listNetworks(context, { filters, ...(project === undefined ? {} : { project }) }),
    );
    const rows = flags['no-trunc'] ? found : found.map((row) => ({ ...row, ID: row.ID.slice(0, 12) }));
    if (flags.quiet) cli.out.data(rows.map((row) => `${row.ID}\n`).join(''));
    else cli.out.data(await renderRows(formatOf(flags.format), rows, { ID: 'NETWORK ID' }));
    return 0;
  },
});

const formatOf = (format: string | undefined): string =>
  format === undefined || format === 'table' ? 'table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}' : format;
