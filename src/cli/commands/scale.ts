/** `tcompose scale`: as many containers of a service as it says, the others of the project left alone. */
import { usageError } from '../args.ts';
import { command, sayIfNothing } from '../command.ts';
import { toggle } from '../flags.ts';
import { askAboutLoss } from '../ui/consent.ts';
import { scaleOf } from './up-flags.ts';

export const scale = command({
  usage: 'SERVICE=NUMBER [SERVICE=NUMBER...]',
  flags: {
    'no-deps': toggle('', 'only the named services, without what they depend on'),
  },
  takes: [1, Number.POSITIVE_INFINITY],
  dryRun: 'simulated',
  run: async (cli, flags, words) => {
    const wrong = words.find((word) => !/^[^=]+=\d+$/.test(word));
    if (wrong !== undefined) throw usageError(`scale needs SERVICE=NUMBER, not "${wrong}"`, 'for example: web=3');
    const numbers = scaleOf(words);
    const services = Object.keys(numbers);
    const project = await cli.project(services);
    return cli.change('scale', async (context, progress) => {
      const { up } = await import('../../operations/up.ts');
      const consent = (steps: Parameters<typeof askAboutLoss>[1]) => askAboutLoss(cli, steps);
      const { plan } = await up(context, project, { services, scale: numbers, noDeps: flags['no-deps'], consent });
      await progress.finish();
      sayIfNothing(cli, plan, `${project.name}: nothing to change`);
      return 0;
    });
  },
});
