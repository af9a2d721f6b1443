/** `tcompose image prune`: images that nobody needs. */
import { command } from '../command.ts';
import { familiar } from '../familiar.ts';
import { list, toggle } from '../flags.ts';
import { confirm } from '../ui/consent.ts';

export const imagePrune = command({
  usage: '',
  flags: {
    all: toggle('a', 'also those that have a name, where no container uses them'),
    filter: list('', 'KEY=VALUE', 'only some: until=24h, label=KEY[=VALUE], label!=KEY[=VALUE]'),
    force: toggle('f', 'do not ask'),
  },
  takes: [0, 0],
  dryRun: 'refused',
  run: async (cli, flags) => {
    const operation = await import('../../operations/image-prune.ts');
    const { PRUNE_FILTERS, readImageFilters } = await import('../../operations/image-filters.ts');
    const { sizeWords } = await import('../../operations/words.ts');
    const written = readImageFilters(flags.filter, PRUNE_FILTERS);
    // Docker's other way to say --all.
    const all = flags.all || written.some(({ key, value }) => key === 'dangling' && /^(0|f|false)$/i.test(value));
    const filters = written.filter(({ key }) => key !== 'dangling');
    const images = await cli.read((context) => operation.unusedImages(context, { all, filters }));
    const names = images.map(({ id, tags }) => `  ${tags.map(familiar).join(', ') || id}\n`).join('');
    const what = all ? 'all images without at least one container associated to them' : 'all dangling images';
    const warning = `WARNING! This will remove ${what}.\n${names || 'There are none now.\n'}`;
    if (!flags.force && !(await confirm(cli, `${warning}Are you sure you want to continue? [y/N] `))) return 0;
    const { untagged, deleted, bytes } = await cli.change('prune', (context) =>
      operation.removeUnused(context, images),
    );
    const lines = [
      ...untagged.map((name) => `untagged: ${familiar(name)}\n`),
      ...deleted.map((id) => `deleted: ${id}\n`),
    ];
    if (lines.length > 0) cli.out.data(`Deleted Images:\n${lines.join('')}\n`);
    cli.out.data(`Total reclaimed space: ${sizeWords(bytes)}\n`);
    return 0;
  },
});
