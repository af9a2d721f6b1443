/** `tcompose start`: containers that exist are started, dependencies first. */
import { usageError } from '../args.ts';
import { command, sayIfNothing } from '../command.ts';
import { count, given, inMs, toggle } from '../flags.ts';

export const start = command({
  usage: '[SERVICE...]',
  flags: {
    wait: toggle('', 'wait until all run or are healthy'),
    'wait-timeout': count('', 'SECONDS', 'how long --wait may take'),
  },
  dryRun: 'simulated',
  run: async (cli, flags, services) => {
    if (flags['wait-timeout'] !== undefined && !flags.wait)
      throw usageError('--wait-timeout means nothing without --wait');
    const target = await cli.target(services);
    const operation = await import('../../operations/start.ts');
    const options = { services, wait: flags.wait, ...given({ waitTimeoutMs: inMs(flags['wait-timeout']) }) };
    const plan = await cli.change('start', (context) => operation.start(context, target, options));
    return sayIfNothing(cli, plan, `${target.name}: nothing to start`);
  },
});
