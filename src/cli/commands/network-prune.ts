/** `tcompose network prune`: networks that no container is on go. */
import { command } from '../command.ts';
import { list, toggle } from '../flags.ts';
import { confirm } from '../ui/consent.ts';

export const networkPrune = command({
  usage: '',
  flags: {
    force: toggle('f', 'do not ask'),
    filter: list('', 'KEY=VALUE', 'only these: label=KEY[=VALUE], label!=KEY[=VALUE], until=10m (repeat for several)'),
  },
  takes: [0, 0],
  dryRun: 'simulated',
  notes: 'Stopped containers count: a network that they are to come back to stays.',
  run: async (cli, flags) => {
    const operation = await import('../../operations/network-manage.ts');
    const { parseFilters, PRUNE_FILTERS } = await import('../../operations/network-filter.ts');
    const filters = parseFilters(flags.filter, PRUNE_FILTERS);
    const names = await cli.read((context) => operation.unusedNetworks(context, filters));
    if (names.length === 0) return 0;
    const isSure = flags.force || cli.globals['dry-run'];
    if (!isSure && !(await confirm(cli, `Going to remove ${names.join(', ')}\nAre you sure? [yN] `))) return 0;
    await cli.change('network prune', (context) => operation.pruneNetworks(context, names));
    cli.out.data(`Deleted Networks:\n${names.map((name) => `${name}\n`).join('')}\n`);
    return 0;
  },
});
