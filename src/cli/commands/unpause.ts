/** `tcompose unpause`: lets paused containers go on. */
import { command, sayIfNothing } from '../command.ts';

export const unpause = command({
  usage: '[SERVICE...]',
  flags: {},
  dryRun: 'simulated',
  run: async (cli, _flags, services) => {
    const target = await cli.target(services);
    const operation = await import('../../operations/pause.ts');
    const plan = await cli.change('unpause', (context) => operation.unpause(context, target, { services }));
    return sayIfNothing(cli, plan, 'No container to unpause');
  },
});
