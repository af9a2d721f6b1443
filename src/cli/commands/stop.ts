/** `tcompose stop`: containers are stopped, those that depend on others first. */
import { command, sayIfNothing } from '../command.ts';
import { given, inMs, timeoutFlag } from '../flags.ts';

export const stop = command({
  usage: '[SERVICE...]',
  flags: { timeout: timeoutFlag },
  dryRun: 'simulated',
  run: async (cli, flags, services) => {
    const target = await cli.target(services);
    const operation = await import('../../operations/stop.ts');
    const options = { services, ...given({ timeoutMs: inMs(flags.timeout) }) };
    const plan = await cli.change('stop', (context) => operation.stop(context, target, options));
    return sayIfNothing(cli, plan, `${target.name}: nothing to stop`);
  },
});
