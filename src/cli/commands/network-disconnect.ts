/** `tcompose network disconnect`: takes one network from a container, its process untouched. */
import { command } from '../command.ts';
import { toggle } from '../flags.ts';

export const networkDisconnect = command({
  usage: 'NETWORK CONTAINER',
  flags: { force: toggle('f', 'no error where it is not connected') },
  takes: [2, 2],
  dryRun: 'simulated',
  notes: 'The files say nothing of it: the next `tcompose plan` names the difference, and `tcompose up` puts it back.',
  run: async (cli, flags, [network = '', container = '']) => {
    const operation = await import('../../operations/network-connect.ts');
    const connection = { network, container };
    await cli.change('disconnect', (context) => operation.disconnect(context, connection, { force: flags.force }));
    return 0;
  },
});
