/** `tcompose volume prune`: volumes that no container uses. */
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { list, toggle } from '../flags.ts';
import { confirm } from '../ui/consent.ts';

export const volumePrune = command({
  usage: '',
  flags: {
    all: toggle('a', 'named volumes, too'),
    filter: list('', 'KEY=VALUE', 'only some: label=KEY[=VALUE], label!=KEY[=VALUE]'),
    force: toggle('f', 'do not ask'),
  },
  takes: [0, 0],
  dryRun: 'refused',
  run: async (cli, flags) => {
    const operation = await import('../../operations/volumes-life.ts');
    const { readFilters } = await import('../../operations/volume-filters.ts');
    const { sizeWords } = await import('../../operations/words.ts');
    const filter = readFilters(flags.filter, ['all', 'label', 'label!']);
    if (flags.all && filter.all !== undefined)
      throw usageError('--all and --filter all say the same thing twice', 'leave one of them out');
    const all = flags.all || filter.all === true;
    const ask = (names: readonly string[]) =>
      confirm(cli, `${warning(all, names)}Are you sure you want to continue? [y/N] `);
    const pruned = await cli.change('prune', (context) =>
      operation.pruneVolumes(context, { all, filter, ...(flags.force ? {} : { confirm: ask }) }),
    );
    if (pruned === undefined) return 0;
    const { removed, bytes } = pruned;
    if (removed.length > 0) cli.out.data(`Deleted Volumes:\n${removed.map((name) => `${name}\n`).join('')}\n`);
    cli.out.data(`Total reclaimed space: ${sizeWords(bytes)}\n`);
    return 0;
  },
});

/** Docker's words, and then which: data is lost here. */
const warning = (all: boolean, names: readonly string[]): string =>
  `WARNING! This will remove ${all ? 'all' : 'anonymous'} local volumes not used by at least one container.\n` +
  (names.length > 0 ? `Their data is lost:\n${names.map((name) => `  ${name}\n`).join('')}` : 'There are none now.\n');
