/** `tcompose create`: containers are made, changed ones made anew, and none is started. */

import { usageError } from '../args.ts';
import { command, sayIfNothing } from '../command.ts';
import { buildChoices, buildFlags, list, pullChoices, pullFlag, toggle } from '../flags.ts';
import { askAboutLoss } from '../ui/consent.ts';
import { scaleOf } from './up-flags.ts';

export const create = command({
  usage: '[SERVICE...]',
  flags: {
    'force-recreate': toggle('', 'replace containers even where nothing differs'),
    'no-recreate': toggle('', 'leave containers that exist as they are'),
    'remove-orphans': toggle('', 'remove containers of services that the files do not have'),
    scale: list('', 'SERVICE=N', 'how many containers of a service'),
    yes: toggle('y', 'agree to everything that would be asked'),
    ...buildFlags,
    pull: pullFlag,
    'quiet-pull': toggle('', 'do not show pulling'),
  },
  dryRun: 'simulated',
  run: async (cli, flags, services) => {
    if (flags.build && flags['no-build'])
      throw usageError('--build and --no-build contradict each other', 'leave one out');
    if (flags['force-recreate'] && flags['no-recreate'])
      throw usageError('--force-recreate and --no-recreate contradict each other', 'leave one out');
    const project = await cli.project(services);
    const isSet = (name: string) => /^(1|t|true|y|yes|on)$/i.test(project.environment[name] ?? cli.env[name] ?? '');
    return cli.change('create', async (context, progress) => {
      const { up } = await import('../../operations/up.ts');
      const { plan } = await up(context, project, {
        services,
        scale: scaleOf(flags.scale),
        noStart: true,
        pull: pullChoices(flags),
        build: buildChoices(flags),
        forceRecreate: flags['force-recreate'],
        noRecreate: flags['no-recreate'],
        removeOrphans: flags['remove-orphans'] || isSet('COMPOSE_REMOVE_ORPHANS'),
        ignoreOrphans: isSet('COMPOSE_IGNORE_ORPHANS'),
        consent: flags.yes ? async () => true : (steps) => askAboutLoss(cli, steps),
      });
      await progress.finish();
      sayIfNothing(cli, plan, `${project.name}: nothing to create`);
      return 0;
    });
  },
});
