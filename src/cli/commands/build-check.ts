/** `--check`: what is wrong with Dockerfiles, and nothing else. */
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Cli } from '../command.ts';

/** As Docker: any finding is an exit code of 1, and the last line says how many there are. */
export async function printFindings(cli: Cli, findings: readonly Diagnostic[]): Promise<number> {
  await cli.tell(findings);
  const count = findings.length;
  const words = count === 0 ? 'no warnings found.' : `${count} warning${count === 1 ? ' has' : 's have'} been found!`;
  if (cli.terminal.progress !== 'json') cli.out.data(`Check complete, ${words}\n`);
  return count === 0 ? 0 : 1;
}
