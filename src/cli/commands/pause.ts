/** `tcompose pause` freezes containers where they stand; `tcompose unpause` lets them go on. */
import { command, sayIfNothing } from '../command.ts';

const pausing = (verb: 'pause' | 'unpause') =>
  command({
    usage: '[SERVICE...]',
    flags: {},
    dryRun: 'simulated',
    run: async (cli, _flags, services) => {
      const target = await cli.target(services);
      const operations = await import('../../operations/pause.ts');
      const plan = await cli.change(verb, (context) => operations[verb](context, target, { services }));
      return sayIfNothing(cli, plan, `No container to ${verb}`);
    },
  });

export const pause = pausing('pause');
export const unpause = pausing('unpause');
