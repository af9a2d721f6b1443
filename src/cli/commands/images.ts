/** `tcompose images`: what the containers of a project were made of. */
import { ago, sizeWords } from '../../operations/words.ts';
import { command } from '../command.ts';
import { formatFlag, toggle } from '../flags.ts';
import { jsonLine } from '../ui/json.ts';
import { renderTable } from '../ui/table.ts';

export const images = command({
  usage: '[SERVICE...]',
  flags: { format: formatFlag, quiet: toggle('q', 'ids only') },
  run: async (cli, flags, services) => {
    const target = await cli.target(services);
    const operation = await import('../../operations/images-of-project.ts');
    const rows = await cli.read((context) => operation.imagesOfProject(context, target, services));
    if (flags.quiet) {
      const ids = new Set(rows.map(({ ID }) => ID.replace(/^sha256:/, '')));
      cli.out.data([...ids].map((id) => `${id}\n`).join(''));
    } else if (flags.format === 'json') cli.out.data(jsonLine(rows));
    else {
      const header = ['CONTAINER', 'REPOSITORY', 'TAG', 'PLATFORM', 'IMAGE ID', 'SIZE', 'CREATED'];
      const now = Date.now();
      // As wide as Docker's columns are at least.
      const wide = (cells: readonly string[]) =>
        cells.map((cell, at) => (at < header.length - 1 ? cell.padEnd(17) : cell));
      const cells = rows.map((row) => [
        ...[row.ContainerName, row.Repository, row.Tag, row.Platform, row.ID.replace(/^sha256:/, '').slice(0, 12)],
        ...[sizeWords(row.Size), row.Created === undefined ? 'N/A' : ago(row.Created, now)],
      ]);
      cli.out.data(renderTable(wide(header), cells.map(wide)));
    }
    return 0;
  },
});
