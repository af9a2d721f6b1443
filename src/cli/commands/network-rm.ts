/** `tcompose network rm`. */
import { TcomposeErrors } from '../../model/errors.ts';
import { command } from '../command.ts';
import { toggle } from '../flags.ts';

export const networkRm = command({
  usage: 'NETWORK...',
  flags: { force: toggle('f', 'no error where there is no such network') },
  takes: [1, Number.POSITIVE_INFINITY],
  dryRun: 'simulated',
  run: async (cli, flags, names) => {
    const operation = await import('../../operations/network-manage.ts');
    const { removed, errors } = await cli.change('network rm', (context) =>
      operation.removeNetworks(context, names, { force: flags.force }),
    );
    cli.out.data(removed.map((name) => `${name}\n`).join(''));
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new TcomposeErrors(errors);
    return 0;
  },
});
