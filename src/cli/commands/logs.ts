/** `tcompose logs`: what containers printed. */
import { usageError } from '../args.ts';
import { command } from '../command.ts';
import { count, given, text, toggle } from '../flags.ts';
import { pointInTime } from '../time.ts';
import { createLogPrinter } from '../ui/log-lines.ts';

export const logs = command({
  usage: '[SERVICE...]',
  flags: {
    follow: toggle('f', 'go on as they print more'),
    index: count('', 'N', 'which container of the service'),
    since: text('', 'TIME', 'from a time (2026-01-31T12:00:00Z) or a while ago (10m) on'),
    until: text('', 'TIME', 'up to a time or a while ago'),
    tail: text('n', 'LINES', 'the last lines of each container only; default all'),
    timestamps: toggle('t', 'show when each line was printed'),
    'no-color': toggle('', 'no colours'),
    'no-log-prefix': toggle('', 'no names before the lines'),
  },
  run: async (cli, flags, services) => {
    if (flags.index !== undefined && services.length !== 1) throw usageError('--index needs exactly one service');
    const now = Date.now();
    const options = {
      services,
      follow: flags.follow,
      ...given({
        index: flags.index,
        tail: tailOf(flags.tail),
        sinceMs: pointInTime('--since', flags.since, now),
        untilMs: pointInTime('--until', flags.until, now),
      }),
    };
    const target = await cli.target(services);
    const operation = await import('../../operations/logs.ts');
    await cli.read(async (context) => {
      const { sources, batches } = await operation.logs(context, target, options);
      const printer = createLogPrinter(cli.out, sources, {
        colors: cli.terminal.colorsOnStdout && !flags['no-color'],
        prefix: !flags['no-log-prefix'],
        timestamps: flags.timestamps,
        keepStreams: false,
      });
      for await (const { source, lines } of batches) printer.print(source, lines);
      printer.flush();
    });
    return 0;
  },
});

function tailOf(word: string | undefined): number | undefined {
  if (word === undefined || word === 'all' || word === '-1') return undefined;
  if (!/^\d+$/.test(word)) throw usageError(`--tail needs a number or all, not "${word}"`);
  return Number(word);
}
