/** `tcompose image ls`. */
import { command } from '../command.ts';
import { list, templateFlag, toggle } from '../flags.ts';
import { renderRows } from '../ui/rows.ts';

export const imageLs = command({
  usage: '[REPOSITORY[:TAG]]',
  flags: {
    all: toggle('a', 'all images (always so: there are none in between)', { hidden: true }),
    digests: toggle('', 'with the digests that registries have them by'),
    filter: list(
      'f',
      'KEY=VALUE',
      'only some: dangling=true, label=KEY[=VALUE], before=, since=, until=, reference=PATTERN',
    ),
    format: templateFlag,
    quiet: toggle('q', 'ids only'),
    'no-trunc': toggle('', 'ids in full'),
  },
  takes: [0, 1],
  run: async (cli, flags, [reference]) => {
    const operation = await import('../../operations/images.ts');
    const { LS_FILTERS, readImageFilters } = await import('../../operations/image-filters.ts');
    const filters = readImageFilters(flags.filter, LS_FILTERS);
    const rows = await cli.read((context) =>
      operation.listImages(context, {
        filters,
        digests: flags.digests,
        noTrunc: flags['no-trunc'],
        ...(reference === undefined ? {} : { reference }),
      }),
    );
    if (flags.quiet) cli.out.data(rows.map((row) => `${row.ID}\n`).join(''));
    else {
      const digest = flags.digests ? '\t{{.Digest}}' : '';
      const table = `table {{.Repository}}\t{{.Tag}}${digest}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}`;
      const format = flags.format === undefined || flags.format === 'table' ? table : flags.format;
      cli.out.data(await renderRows(format, rows, { ID: 'IMAGE ID', CreatedSince: 'CREATED' }));
    }
    return 0;
  },
});
