/** `tcompose system doctor`: what this host offers, what is missing and the command that mends it, what is left over. */
import type { DoctorReport } from '../../operations/system.ts';
import { command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { text, toggle } from '../flags.ts';
import { jsonPretty } from '../ui/json.ts';
import { type Paint, paint, printable } from '../ui/paint.ts';

export const doctor = command({
  usage: '',
  flags: {
    fix: toggle('', 'remove what is left over and belongs to nothing'),
    format: text('', 'FORMAT', 'how to print: text or json', { choices: ['text', 'json'] }),
  },
  takes: [0, 0],
  dryRun: 'simulated',
  notes: 'Ends with 1 when something is missing that containers need, or something is left over.',
  run: async (cli, flags) => {
    const operation = await import('../../operations/system.ts');
    const fix = flags.fix && !cli.globals['dry-run'];
    const report = await cli.read((context) => operation.doctor(context, { fix }));
    if (flags.format === 'json') cli.out.data(jsonPretty(report));
    else cli.out.data(renderReport(report, paint(cli.terminal.colorsOnStdout)));
    const isIll = report.findings.some((finding) => finding.level === 'error');
    return isIll || (report.leftovers.length > 0 && !report.fixed) ? EXIT.failed : EXIT.ok;
  },
});

const SIGNS = { ok: ['green', '✔'], warning: ['boldYellow', '!'], error: ['boldRed', '✘'] } as const;

function renderReport({ findings, leftovers, fixed }: DoctorReport, color: Paint): string {
  const width = Math.max(0, ...findings.map(({ topic }) => topic.length));
  const lines = findings.map(({ topic, level, what, help }) => {
    const [hue, sign] = SIGNS[level];
    const advice = help
      ? `\n   ${' '.repeat(width)}  ${printable(help).replaceAll('\n', `\n   ${' '.repeat(width)}  `)}`
      : '';
    return ` ${color(hue, sign)} ${topic.padEnd(width)}  ${printable(what)}${advice}\n`;
  });
  if (leftovers.length === 0) return `${lines.join('')}\nNothing is left over.\n`;
  const items = leftovers.map(
    ({ kind, name, owner }) => `  ${kind} ${printable(name)}${owner ? ` (of ${printable(owner)})` : ''}\n`,
  );
  const title = fixed ? 'Removed, since they belonged to nothing' : 'Left over: these belong to nothing';
  const advice = fixed ? '' : 'Remove them: tcompose system doctor --fix\n';
  return `${lines.join('')}\n${title}:\n${items.join('')}${advice}`;
}
