/** `tcompose restart`: containers are stopped and started as they are; changes of the files are not applied. */
import { command, sayIfNothing } from '../command.ts';
import { given, inMs, timeoutFlag, toggle } from '../flags.ts';

export const restart = command({
  usage: '[SERVICE...]',
  flags: {
    timeout: timeoutFlag,
    'no-deps': toggle('', 'leave services alone that depend on these with restart: true'),
  },
  dryRun: 'simulated',
  run: async (cli, flags, services) => {
    const target = await cli.target(services);
    const operation = await import('../../operations/restart.ts');
    const options = { services, noDeps: flags['no-deps'], ...given({ timeoutMs: inMs(flags.timeout) }) };
    const plan = await cli.change('restart', (context) => operation.restart(context, target, options));
    return sayIfNothing(cli, plan, `${target.name}: nothing to restart`);
  },
});
