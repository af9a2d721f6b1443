/** `tcompose wait`: blocks until containers of services have ended, and ends with the exit code of the last. */
import { command } from '../command.ts';
import { toggle } from '../flags.ts';

export const wait = command({
  usage: 'SERVICE [SERVICE...]',
  flags: { 'down-project': toggle('', 'afterwards take the project away, as down does') },
  takes: [1, Number.POSITIVE_INFINITY],
  dryRun: 'refused',
  notes: 'Ends with the exit code of the container that ended last.',
  run: async (cli, flags, services) => {
    const target = await cli.target(services);
    const operation = await import('../../operations/wait.ts');
    const code = await cli.read((context) =>
      operation.wait(context, target, services, ({ id, exitCode }) => {
        cli.out.data(`container "${id}" exited with status code ${exitCode}\n`);
      }),
    );
    if (flags['down-project']) {
      const { down } = await import('../../operations/down.ts');
      await cli.change('down', (context) => down(context, target, { removeOrphans: true }));
    }
    return code;
  },
});
