/** `tcompose volumes`: the volumes of a project. */
import { command } from '../command.ts';
import { templateFlag, toggle } from '../flags.ts';
import { renderVolumes } from '../ui/volume-rows.ts';

export const volumes = command({
  usage: '[SERVICE...]',
  flags: { format: templateFlag, quiet: toggle('q', 'names only') },
  run: async (cli, flags, services) => {
    const target = await cli.target(services);
    const operation = await import('../../operations/volumes.ts');
    const rows = await cli.read((context) => operation.volumesOfProject(context, target, services));
    cli.out.data(await renderVolumes(rows, flags));
    return 0;
  },
});
