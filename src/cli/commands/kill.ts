/** `tcompose kill`: a signal to running containers. */
import { command, sayIfNothing } from '../command.ts';
import { given, text, toggle } from '../flags.ts';

export const kill = command({
  usage: '[SERVICE...]',
  flags: {
    signal: text('s', 'SIGNAL', 'name or number of the signal; default SIGKILL'),
    'remove-orphans': toggle('', 'kill and remove containers of services that the files do not have'),
  },
  dryRun: 'simulated',
  run: async (cli, flags, services) => {
    const target = await cli.target(services);
    const operation = await import('../../operations/kill.ts');
    const options = { services, removeOrphans: flags['remove-orphans'], ...given({ signal: flags.signal }) };
    const plan = await cli.change('kill', (context) => operation.kill(context, target, options));
    return sayIfNothing(cli, plan, 'No container to kill');
  },
});
