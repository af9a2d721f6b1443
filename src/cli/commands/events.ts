/** `tcompose events`: what happens to containers, as it happens, in the forms of docker compose. */
import type { EngineEvent } from '../../model/engine.ts';
import { command } from '../command.ts';
import { given, text, toggle } from '../flags.ts';
import { pointInTime } from '../time.ts';
import { printableInLine } from '../ui/paint.ts';

export const events = command({
  usage: '[SERVICE...]',
  flags: {
    json: toggle('', 'one JSON object a line'),
    since: text('', 'TIME', 'first what is still known of the time since then'),
    until: text('', 'TIME', 'end at this time'),
  },
  notes:
    'Nobody keeps a history: of containers that are there, --since tells when each was made, when it was last started and ended, and the last of what was run in it.',
  run: async (cli, flags, services) => {
    const now = Date.now();
    const target = await cli.target(services);
    const operation = await import('../../operations/events.ts');
    const options = {
      services,
      ...given({
        sinceMs: pointInTime('--since', flags.since, now),
        untilMs: pointInTime('--until', flags.until, now),
      }),
    };
    await cli.read(async (context) => {
      for await (const { event, service } of operation.events(context, target, options)) {
        cli.out.data(flags.json ? jsonLine(event, service) : textLine(event));
      }
    });
    return 0;
  },
});

/** Docker's words: the state of health, and what is run, are part of the action. */
function wordsOf({ action, attributes, labels }: EngineEvent): { action: string; attributes: Record<string, string> } {
  const { health, command, ...others } = attributes;
  const detail = health ?? command;
  const own = Object.entries(labels).filter(([key]) => !key.startsWith('com.docker.compose.'));
  return {
    action: detail === undefined ? action : `${action}: ${detail}`,
    attributes: Object.fromEntries([...own, ...Object.entries(others)].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function jsonLine(event: EngineEvent, service: string): string {
  const { action, attributes } = wordsOf(event);
  return `${JSON.stringify({ action, attributes, id: event.id, service, time: event.at, type: 'container' })}\n`;
}

function textLine(event: EngineEvent): string {
  const { action, attributes } = wordsOf(event);
  const pairs = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
  return `${localTime(event.at)} container ${printableInLine(`${action} ${event.id} (${pairs.join(', ')})`)}\n`;
}

/** `2026-01-31 15:04:05.123456`, in the user's own time. */
function localTime(iso: string): string {
  const date = new Date(iso);
  const two = (number: number) => String(number).padStart(2, '0');
  const micros = (/\.(\d+)/.exec(iso)?.[1] ?? '').slice(0, 6).padEnd(6, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${micros}`;
}
