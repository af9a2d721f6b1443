/** `tcompose volume rm`: volumes and the data in them. */
import { command } from '../command.ts';
import { toggle } from '../flags.ts';

export const volumeRm = command({
  usage: 'VOLUME...',
  flags: { force: toggle('f', 'no error where there is no such volume') },
  takes: [1, Number.POSITIVE_INFINITY],
  dryRun: 'refused',
  notes: 'A volume that a container mounts, running or not, is never removed.',
  run: async (cli, flags, names) => {
    const operation = await import('../../operations/volumes-life.ts');
    const onRemoved = (name: string) => cli.out.data(`${name}\n`);
    await cli.change('rm', (context) => operation.removeVolumes(context, names, { force: flags.force, onRemoved }));
    return 0;
  },
});
