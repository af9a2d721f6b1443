/** `tcompose volumes`: the volumes of a project. */
import { command } from '../command.ts';
import { templateFlag, toggle } from '../flags.ts';
import { renderRows } from '../ui/rows.ts';

export const volumes = command({
  usage: '[SERVICE...]',
  flags: { format: templateFlag, quiet: toggle('q', 'names only') },
  run: async (cli, flags, services) => {
    const target = await cli.target(services);
    const operation = await import('../../operations/volumes.ts');
    const rows = await cli.read((context) => operation.volumesOfProject(context, target, services));
    if (flags.quiet) cli.out.data(rows.map((row) => `${row.Name}\n`).join(''));
    else {
      const format =
        flags.format === undefined || flags.format === 'table' ? 'table {{.Driver}}\t{{.Name}}' : flags.format;
      cli.out.data(await renderRows(format, rows, { Name: 'VOLUME NAME' }));
    }
    return 0;
  },
});
