/** `tcompose push`: images that the services are built to, to their registries. */
import { command } from '../command.ts';
import { toggle } from '../flags.ts';

export const push = command({
  usage: '[SERVICE...]',
  flags: {
    quiet: toggle('q', 'do not show progress'),
    'include-deps': toggle('', 'also for the services that the named ones depend on'),
    'ignore-push-failures': toggle('', 'go on where an image cannot be pushed'),
  },
  dryRun: 'simulated',
  run: async (cli, flags, services) => {
    const project = await cli.project(services);
    const operation = await import('../../operations/push.ts');
    await cli.change(
      'push',
      async (context, progress) => {
        await operation.pushProject(context, project, {
          services,
          includeDeps: flags['include-deps'],
          ignoreFailures: flags['ignore-push-failures'],
        });
        await progress.finish();
      },
      { quiet: flags.quiet },
    );
    return 0;
  },
});
