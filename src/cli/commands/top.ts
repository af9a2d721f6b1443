/** `tcompose top`: the processes of containers. */
import type { TopRow } from '../../operations/top.ts';
import { command } from '../command.ts';
import { printableInLine } from '../ui/paint.ts';

export const top = command({
  usage: '[SERVICE...]',
  flags: {},
  run: async (cli, _flags, services) => {
    const target = await cli.target(services);
    const operation = await import('../../operations/top.ts');
    const rows = await cli.read((context) => operation.top(context, target, { services }));
    if (rows.length > 0) cli.out.data(renderTop(rows, Date.now()));
    return 0;
  },
});

const HEADER = ['SERVICE', '#', 'UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'];

/** Two blanks between columns, and none narrower than four: as docker compose prints it. */
export function renderTop(rows: readonly TopRow[], nowMs: number): string {
  const lines = [HEADER, ...rows.map((row) => cellsOf(row, nowMs))];
  const widths = HEADER.map((_, column) => Math.max(4, ...lines.map((line) => line[column]!.length + 2)));
  return lines
    .map((line) => `${line.map((cell, at) => (at === HEADER.length - 1 ? cell : cell.padEnd(widths[at]!))).join('')}\n`)
    .join('');
}

const cellsOf = ({ service, number, process }: TopRow, nowMs: number): readonly string[] => [
  service,
  String(number),
  printableInLine(process.user),
  String(process.pid),
  String(process.parent),
  String(process.cpuPercent),
  startWords(process.startedAtMs, nowMs),
  process.terminal,
  timeWords(process.cpuMs),
  printableInLine(process.command),
];

const DAY_MS = 86_400_000;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');

/** As ps: the time of today, the day of this year, the year. */
function startWords(startedAtMs: number, nowMs: number): string {
  const [at, now] = [new Date(startedAtMs), new Date(nowMs)];
  if (at.getFullYear() !== now.getFullYear()) return String(at.getFullYear());
  if (nowMs - startedAtMs < DAY_MS && at.getDate() === now.getDate())
    return `${two(at.getHours())}:${two(at.getMinutes())}`;
  return `${MONTHS[at.getMonth()]}${two(at.getDate())}`;
}

function timeWords(cpuMs: number): string {
  const seconds = Math.floor(cpuMs / 1000);
  const [days, rest] = [Math.floor(seconds / 86_400), seconds % 86_400];
  const clock = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60].map(two).join(':');
  return days > 0 ? `${days}-${clock}` : clock;
}
