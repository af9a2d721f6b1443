/** Help, printed from the table of commands and their flags: nothing is described twice. */
import { usageError } from './args.ts';
import type { Command, Entry, Group } from './command.ts';
import { COMMANDS, NOT_YET } from './commands/index.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { type Flag, type Flags, GLOBAL_FLAGS } from './flags.ts';
import { nearest } from './nearest.ts';
import type { Output } from './ui/output.ts';

export async function printHelp(out: Output, about: readonly string[]): Promise<number> {
  out.data(await helpText(about));
  return 0;
}

async function helpText([name, member]: readonly string[]): Promise<string> {
  if (name === undefined) return overview();
  if (name === 'exit-codes') return `Exit codes of tcompose:\n${columns(EXIT_CODES)}`;
  const entry: Entry | undefined = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!entry) {
    if (NOT_YET.includes(name)) throw usageError(`${name} is a command of Compose that tcompose does not have yet`);
    const meant = nearest(name, [...Object.keys(COMMANDS), 'exit-codes']);
    throw usageError(`there is no help about "${name}"`, meant ? `did you mean "${meant}"?` : 'see: tcompose help');
  }
  if ('load' in entry) return commandHelp(name, entry.summary, await entry.load());
  if (member === undefined) return groupHelp(name, entry);
  const single = Object.hasOwn(entry.members, member) ? entry.members[member] : undefined;
  if (!single) throw usageError(`there is no help about "${name} ${member}"`, `see: tcompose help ${name}`);
  return commandHelp(`${name} ${member}`, single.summary, await single.load());
}

function overview(): string {
  const commands = Object.entries(COMMANDS).map(([name, entry]) => [name, entry.summary] as const);
  return `Compose files, planned against what runs and made so, with an engine of its own.

Usage: tcompose [FLAGS] COMMAND [FLAGS] [WORDS...]

Commands:
${columns(commands)}
Flags of every command:
${flagColumns(GLOBAL_FLAGS)}
More: tcompose help COMMAND, tcompose help exit-codes
`;
}

function groupHelp(name: string, { summary, members }: Group): string {
  const rows = Object.entries(members).map(([member, { summary: what }]) => [`${name} ${member}`, what] as const);
  return `${sentence(summary)}\n\nUsage: tcompose ${name} COMMAND\n\nCommands:\n${columns(rows)}`;
}

function commandHelp(name: string, summary: string, { usage, flags, notes }: Command): string {
  const own = flagColumns(flags);
  const refused = Object.entries(flags).filter(([, flag]) => flag.refused);
  return [
    `${sentence(summary)}\n`,
    `Usage: ${`tcompose ${name} ${own ? '[FLAGS] ' : ''}${usage}`.trimEnd()}\n`,
    ...(own ? [`Flags:\n${own}`] : []),
    ...(notes ? [`${notes}\n`] : []),
    ...(refused.length > 0 ? [`Not done yet: ${refused.map(([flag]) => `--${flag}`).join(', ')}\n`] : []),
    'Flags of every command (-f, -p, --profile, ...): tcompose help\n',
  ].join('\n');
}

const sentence = (summary: string): string => `${summary[0]!.toUpperCase()}${summary.slice(1)}.`;

function flagColumns(flags: Flags): string {
  const shown = Object.entries(flags).filter(([, flag]) => !flag.hidden && !flag.refused);
  return columns(shown.map(([name, flag]) => [flagTitle(name, flag), flag.summary] as const));
}

const flagTitle = (name: string, flag: Flag): string =>
  `${flag.short ? `-${flag.short}, ` : '    '}--${name}${flag.value ? ` ${flag.value}` : ''}`;

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}
