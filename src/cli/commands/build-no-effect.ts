/** Flags that mean something to Docker's builders and nothing here: said once, by name. */
import type { Cli } from '../command.ts';
import { paint } from '../ui/paint.ts';
import { warningLine } from '../ui/progress.ts';

const WHY: Readonly<Record<string, string>> = {
  builder: 'there is one builder',
  provenance: 'no attestations are made',
  sbom: 'no attestations are made',
  attest: 'no attestations are made',
  annotation: 'images have labels only',
  'cache-from': 'the cache of this host is used',
  'cache-to': 'the cache stays on this host',
};

/** What is given: a text, or items of a list. `false` and `none` ask for nothing. */
export function sayNoEffect(cli: Cli, flags: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  if (cli.terminal.progress === 'quiet') return;
  for (const name of names) {
    const value = flags[name];
    const isGiven = Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
    if (!isGiven || value === 'false' || value === 'none') continue;
    const why = WHY[name] ?? 'a build uses what it needs';
    cli.out.note(warningLine(`--${name} has no effect: ${why}`, paint(cli.terminal.colorsOnStderr)));
  }
}
