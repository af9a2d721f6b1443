/** `tcompose pull`: the images of the services are brought in from their registries. */
import { command } from '../command.ts';
import { given, text, toggle } from '../flags.ts';

export const pull = command({
  usage: '[SERVICE...]',
  flags: {
    quiet: toggle('q', 'do not show progress'),
    policy: text('', 'WHEN', 'missing or always, in place of what the files say', { choices: ['missing', 'always'] }),
    'include-deps': toggle('', 'also for the services that the named ones depend on'),
    'ignore-pull-failures': toggle('', 'go on where an image cannot be pulled'),
    'ignore-buildable': toggle('', 'leave out images that can be built'),
    parallel: toggle('', 'pull several at once (always so)', { hidden: true }),
    'no-parallel': toggle('', 'pull several at once all the same', { hidden: true }),
  },
  dryRun: 'simulated',
  run: async (cli, flags, services) => {
    const project = await cli.project(services);
    const operation = await import('../../operations/pull.ts');
    await cli.change(
      'pull',
      async (context, progress) => {
        await operation.pullProject(context, project, {
          services,
          includeDeps: flags['include-deps'],
          ignoreFailures: flags['ignore-pull-failures'],
          ignoreBuildable: flags['ignore-buildable'],
          ...given({ policy: flags.policy }),
        });
        await progress.finish();
      },
      { quiet: flags.quiet },
    );
    return 0;
  },
});
