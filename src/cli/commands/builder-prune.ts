/** `tcompose builder prune`: what builds have made before, and no image has, goes. */
import { command } from '../command.ts';
import { list, toggle } from '../flags.ts';
import { confirm } from '../ui/consent.ts';

export const builderPrune = command({
  usage: '',
  flags: {
    all: toggle('a', 'all of it (always so)'),
    filter: list('', 'until=TIME', 'only what was not used since: until=24h'),
    force: toggle('f', 'do not ask'),
  },
  takes: [0, 0],
  dryRun: 'refused',
  run: async (cli, flags) => {
    const { readImageFilters } = await import('../../operations/image-filters.ts');
    const { momentOf } = await import('../../operations/network-filter.ts');
    const { sizeWords } = await import('../../operations/words.ts');
    const [until] = readImageFilters(flags.filter, ['until']);
    const options = until === undefined ? {} : { unusedSinceMs: momentOf(until.value) };
    const warning = 'WARNING! This will remove all build cache. Are you sure you want to continue? [y/N] ';
    if (!flags.force && !(await confirm(cli, warning))) return 0;
    const { entries, bytes } = await cli.change('prune', ({ engine }) => engine.images.pruneCache(options));
    if (entries > 0) cli.out.data(`Deleted ${entries} entries of the build cache\n\n`);
    cli.out.data(`Total:\t${sizeWords(bytes)}\n`);
    return 0;
  },
});
