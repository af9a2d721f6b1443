/** `tcompose volume rm`: volumes and the data in them. */
import { command } from '../command.ts';
import { toggle } from '../flags.ts';

export const volumeRm = command({
  usage: 'VOLUME...',
  flags: { force: toggle('f', 'no error where there is no such volume; also where a stopped container mounts it') },
  takes: [1, Number.POSITIVE_INFINITY],
  dryRun: 'refused',
  run: async (cli, flags, names) => {
    const operation = await import('../../operations/volumes.ts');
    await cli.change('rm', (context) => operation.removeVolumes(context, names, { force: flags.force }));
    cli.out.data(names.map((name) => `${name}\n`).join(''));
    return 0;
  },
});
