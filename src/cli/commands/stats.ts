/** `tcompose stats`: what containers use, as long as one looks. */
import type { StatsRow } from '../../operations/stats.ts';
import type { Cli } from '../command.ts';
import { command } from '../command.ts';
import { templateFlag, toggle } from '../flags.ts';
import { renderRows } from '../ui/rows.ts';
import { renderTable } from '../ui/table.ts';

const SECOND = 1000;

export const stats = command({
  usage: '[SERVICE...]',
  flags: {
    all: toggle('a', 'containers that do not run too'),
    format: templateFlag,
    'no-stream': toggle('', 'one reading only'),
    'no-trunc': toggle('', 'ids in full'),
  },
  run: async (cli, flags, services) => {
    const target = await cli.target(services);
    const operation = await import('../../operations/stats.ts');
    const once = flags['no-stream'];
    const options = {
      services,
      all: flags.all,
      noTrunc: flags['no-trunc'],
      once,
      intervalMs: once ? SECOND / 2 : SECOND,
    };
    await cli.read(async (context) => {
      for await (const rows of operation.stats(context, target, options)) {
        const { format } = flags;
        const text = format === undefined || format === 'table' ? table(rows) : await renderRows(format, rows, HEADERS);
        show(cli, text, once || format === 'json');
        if (cli.out.isClosed) return;
      }
    });
    return 0;
  },
});

/** As `docker stats` calls its columns. */
const HEADERS = {
  ID: 'CONTAINER ID',
  CPUPerc: 'CPU %',
  MemUsage: 'MEM USAGE / LIMIT',
  MemPerc: 'MEM %',
  NetIO: 'NET I/O',
  BlockIO: 'BLOCK I/O',
  PIDs: 'PIDS',
};

function table(rows: readonly StatsRow[]): string {
  const header = ['CONTAINER ID', 'NAME', 'CPU %', 'MEM USAGE / LIMIT', 'MEM %', 'NET I/O', 'BLOCK I/O', 'PIDS'];
  const cells = rows.map(({ ID, Name, CPUPerc, MemUsage, MemPerc, NetIO, BlockIO, PIDs }) => [
    ...[ID, Name, CPUPerc, MemUsage],
    ...[MemPerc, NetIO, BlockIO, PIDs],
  ]);
  return renderTable(header, cells);
}

/** On a terminal each page is written over the one before, line by line so that it does not flicker. */
function show(cli: Cli, text: string, isPlain: boolean): void {
  if (isPlain || !process.stdout.isTTY) cli.out.data(text);
  else cli.out.data(`\x1b[H${text.replaceAll('\n', '\x1b[K\n')}\x1b[J`);
}
