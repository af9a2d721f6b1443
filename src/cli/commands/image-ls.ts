/** `tcompose image ls`. */
import type { ImageRow } from '../../operations/images.ts';
import { command } from '../command.ts';
import { formatFlag, toggle } from '../flags.ts';
import { jsonLines } from '../ui/json.ts';
import { renderTable } from '../ui/table.ts';

export const imageLs = command({
  usage: '',
  flags: { format: formatFlag, quiet: toggle('q', 'ids only'), 'no-trunc': toggle('', 'ids in full') },
  takes: [0, 0],
  run: async (cli, flags) => {
    const operation = await import('../../operations/images.ts');
    const rows = await cli.read(async (context) => {
      const short = await operation.listImages(context);
      return flags['no-trunc']
        ? withFullIds(
            short,
            await operation.inspectImages(
              context,
              short.map((row) => row.ID),
            ),
          )
        : short;
    });
    if (flags.quiet) cli.out.data([...new Set(rows.map((row) => row.ID))].map((id) => `${id}\n`).join(''));
    else if (flags.format === 'json') cli.out.data(jsonLines(rows));
    else {
      const cells = rows.map((row) => [row.Repository, row.Tag, row.ID, row.CreatedSince, row.Size]);
      cli.out.data(renderTable(['REPOSITORY', 'TAG', 'IMAGE ID', 'CREATED', 'SIZE'], cells));
    }
    return 0;
  },
});

const withFullIds = (rows: readonly ImageRow[], inspected: readonly object[]): readonly ImageRow[] =>
  rows.map((row, index) => ({ ...row, ID: (inspected[index] as { readonly Id: string }).Id }));
