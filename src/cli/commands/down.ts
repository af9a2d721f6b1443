/** `tcompose down`: containers and networks are removed; volumes only where asked for. */
import { command } from '../command.ts';
import { given, inMs, text, timeoutFlag, toggle } from '../flags.ts';

export const down = command({
  usage: '[SERVICE...]',
  flags: {
    volumes: toggle('v', 'remove named volumes of the files and anonymous volumes too'),
    volume: toggle('', 'old name of --volumes', { hidden: true }),
    'remove-orphans': toggle('', 'remove containers of services that the files do not have'),
    rmi: text('', 'WHICH', 'remove images too: local (those without a tag of their own) or all', {
      choices: ['local', 'all'],
    }),
    timeout: timeoutFlag,
  },
  dryRun: 'simulated',
  run: async (cli, flags, services) => {
    const target = await cli.target(services);
    const isSet = (name: string) => /^(1|t|true)$/i.test(target.project?.environment[name] ?? cli.env[name] ?? '');
    const operation = await import('../../operations/down.ts');
    await cli.change('down', (context) =>
      operation.down(context, target, {
        services,
        volumes: flags.volumes || flags.volume,
        removeOrphans: flags['remove-orphans'] || isSet('COMPOSE_REMOVE_ORPHANS'),
        ignoreOrphans: isSet('COMPOSE_IGNORE_ORPHANS'),
        ...given({ rmi: flags.rmi as 'local' | 'all' | undefined, timeoutMs: inMs(flags.timeout) }),
      }),
    );
    return 0;
  },
});
