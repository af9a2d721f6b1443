/** `tcompose system restore`: after a start of the host, what was meant to run runs again. */
import { command, sayIfNothing } from '../command.ts';

export const systemRestore = command({
  usage: '',
  flags: {},
  takes: [0, 0],
  dryRun: 'simulated',
  notes:
    'Containers of all projects come back by their restart policy: always, unless-stopped if they were not stopped by hand,\n' +
    'on-failure if they failed or ran when the host went down. Those that were started since are left as they are.',
  run: async (cli) => {
    const operation = await import('../../operations/restore.ts');
    const plan = await cli.change('system restore', (context) => operation.restore(context));
    return sayIfNothing(cli, plan, 'nothing to restore');
  },
});
