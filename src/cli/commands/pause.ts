/** `tcompose pause`: freezes containers where they stand. */
import { command, sayIfNothing } from '../command.ts';

export const pause = command({
  usage: '[SERVICE...]',
  flags: {},
  dryRun: 'simulated',
  run: async (cli, _flags, services) => {
    const target = await cli.target(services);
    const operation = await import('../../operations/pause.ts');
    const plan = await cli.change('pause', (context) => operation.pause(context, target, { services }));
    return sayIfNothing(cli, plan, 'No container to pause');
  },
});
