/** `tcompose ps`: the containers of a project. */
import type { ContainerStatus } from '../../model/live.ts';
import type { PsRow } from '../../operations/ps.ts';
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { list, templateFlag, toggle } from '../flags.ts';
import { renderRows } from '../ui/rows.ts';
import { renderTable } from '../ui/table.ts';

const STATUSES = ['paused', 'restarting', 'removing', 'running', 'dead', 'created', 'exited'];

export const ps = command({
  usage: '[SERVICE...]',
  flags: {
    all: toggle('a', 'stopped containers too'),
    filter: list('', 'status=STATUS', 'only containers in this state'),
    status: list('', 'STATUS', 'only containers in this state (repeat for several)', { choices: STATUSES }),
    format: templateFlag,
    'no-trunc': toggle('', 'commands and ids in full'),
    orphans: toggle('', 'containers of services that the files do not have (default; --orphans=false)', {
      byDefault: true,
    }),
    quiet: toggle('q', 'ids only'),
    services: toggle('', 'names of services only'),
  },
  run: async (cli, flags, services) => {
    const target = await cli.target(services);
    const operation = await import('../../operations/ps.ts');
    const options = {
      services,
      all: flags.all,
      orphans: flags.orphans,
      noTrunc: flags['no-trunc'] || flags.quiet,
      // It means looking at every file of the container.
      size: flags.format !== undefined && /\.Size\b/.test(flags.format),
      statuses: [...flags.status, ...flags.filter.map(statusOf)] as ContainerStatus[],
    };
    const rows = await cli.read((context) => operation.ps(context, target, options));
    cli.out.data(isTemplate(flags) ? await renderRows(flags.format!, rows, HEADERS) : render(rows, flags));
    return 0;
  },
});

function statusOf(filter: string): string {
  const [key, status] = filter.split(/=(.*)/s);
  if (status === undefined)
    throw usageError(`--filter needs KEY=VALUE, not "${filter}"`, 'for example: status=running');
  if (key !== 'status') throw usageError(`--filter knows status=STATUS only, not "${filter}"`);
  if (!STATUSES.includes(status))
    throw usageError(`there is no status "${status}"`, `use one of: ${STATUSES.join(', ')}`);
  return status;
}

/** As `docker ps` calls its columns. */
const HEADERS = {
  Name: 'NAME',
  ID: 'CONTAINER ID',
  RunningFor: 'CREATED',
  Names: 'NAMES',
  LocalVolumes: 'LOCAL VOLUMES',
};

const isTemplate = ({ quiet, services, format }: Shown): boolean =>
  !quiet && !services && format !== undefined && format !== 'table';

interface Shown {
  readonly quiet: boolean;
  readonly services: boolean;
  readonly format: string | undefined;
}

function render(rows: readonly PsRow[], flags: Shown): string {
  if (flags.quiet) return rows.map((row) => `${row.ID}\n`).join('');
  if (flags.services) return [...new Set(rows.map((row) => row.Service))].map((name) => `${name}\n`).join('');
  const header = ['NAME', 'IMAGE', 'COMMAND', 'SERVICE', 'CREATED', 'STATUS', 'PORTS'];
  const cells = rows.map(({ Name, Image, Command, Service, RunningFor, Status, Ports }) => [
    ...[Name, Image, Command, Service],
    ...[RunningFor, Status, Ports],
  ]);
  return renderTable(header, cells);
}
