/** `tcompose up`: what the files say is made so; in the foreground, its output is shown until it ends. */
import { command, sayIfNothing } from '../command.ts';
import { checkConflicts, isDetached, UP_FLAGS, upOptions } from './up-flags.ts';

export const up = command({
  usage: '[SERVICE...]',
  flags: UP_FLAGS,
  dryRun: 'simulated',
  run: async (cli, flags, services) => {
    checkConflicts(flags);
    const project = await cli.project(services);
    const options = upOptions(cli, project, flags, services);
    return cli.change('up', async (context, progress) => {
      const operation = await import('../../operations/up.ts');
      const outcome = await operation.up(context, project, options);
      await progress.finish();
      sayIfNothing(cli, outcome.plan, `${project.name}: nothing to change`);
      if (isDetached(flags) || cli.globals['dry-run']) return 0;
      const { foreground } = await import('../foreground.ts');
      return foreground(cli, context, project, outcome, services, flags);
    });
  },
});
