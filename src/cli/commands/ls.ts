/** `tcompose ls`: the projects that have containers. */
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { formatFlag, given, list, toggle } from '../flags.ts';
import { jsonLine } from '../ui/json.ts';
import { renderTable } from '../ui/table.ts';

export const ls = command({
  usage: '',
  flags: {
    all: toggle('a', 'stopped projects too'),
    filter: list('', 'name=PATTERN', 'only projects whose name matches the regular expression'),
    format: formatFlag,
    quiet: toggle('q', 'names only'),
  },
  takes: [0, 0],
  run: async (cli, flags) => {
    const operation = await import('../../operations/ls.ts');
    const options = { all: flags.all, ...given({ name: nameFilter(flags.filter) }) };
    const rows = await cli.read((context) => operation.ls(context, options));
    if (flags.quiet) cli.out.data(rows.map((row) => `${row.Name}\n`).join(''));
    else if (flags.format === 'json') cli.out.data(jsonLine(rows));
    else
      cli.out.data(
        renderTable(
          ['NAME', 'STATUS', 'CONFIG FILES'],
          rows.map((row) => [row.Name, row.Status, row.ConfigFiles]),
        ),
      );
    return 0;
  },
});

function nameFilter(filters: readonly string[]): string | undefined {
  let pattern: string | undefined;
  for (const filter of filters) {
    if (!filter.startsWith('name=')) throw usageError(`--filter knows name=PATTERN only, not "${filter}"`);
    pattern = filter.slice('name='.length);
    try {
      new RegExp(pattern);
    } catch {
      throw usageError(`"${pattern}" is not a regular expression`);
    }
  }
  return pattern;
}
