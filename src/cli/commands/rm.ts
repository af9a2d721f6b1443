/** `tcompose rm`: stopped containers are removed. */
import { command, sayIfNothing } from '../command.ts';
import { toggle } from '../flags.ts';
import { confirm } from '../ui/consent.ts';

export const rm = command({
  usage: '[SERVICE...]',
  flags: {
    force: toggle('f', 'do not ask'),
    stop: toggle('s', 'stop running containers first'),
    volumes: toggle('v', 'remove their anonymous volumes too'),
    all: toggle('a', 'has no effect', { hidden: true }),
  },
  dryRun: 'simulated',
  run: async (cli, flags, services) => {
    const target = await cli.target(services);
    const operation = await import('../../operations/rm.ts');
    let wasRefused = false;
    const ask = async (names: readonly string[]) => {
      const agreed = await confirm(cli, `Going to remove ${names.join(', ')}\nAre you sure? [yN] `);
      wasRefused = !agreed;
      return agreed;
    };
    const plan = await cli.change('rm', (context) =>
      operation.rm(context, target, {
        services,
        stop: flags.stop,
        volumes: flags.volumes,
        ...(!flags.force && !cli.globals['dry-run'] && { confirm: ask }),
      }),
    );
    return wasRefused ? 0 : sayIfNothing(cli, plan, 'No stopped containers');
  },
});
