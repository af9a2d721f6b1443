/** `tcompose volume ls`. */
import { command } from '../command.ts';
import { list, templateFlag, toggle } from '../flags.ts';
import { renderVolumes } from '../ui/volume-rows.ts';

export const volumeLs = command({
  usage: '',
  flags: {
    filter: list('f', 'KEY=VALUE', 'only some: dangling=true, driver=local, label=KEY[=VALUE], name=PART'),
    format: templateFlag,
    quiet: toggle('q', 'names only'),
  },
  takes: [0, 0],
  run: async (cli, flags) => {
    const operation = await import('../../operations/volumes.ts');
    const { readFilters } = await import('../../operations/volume-filters.ts');
    const filter = readFilters(flags.filter, ['dangling', 'driver', 'label', 'name']);
    const project = cli.globals['project-name'];
    const rows = await cli.read((context) =>
      operation.listVolumes(context, { filter, ...(project === undefined ? {} : { project }) }),
    );
    cli.out.data(await renderVolumes(rows, flags));
    return 0;
  },
});
