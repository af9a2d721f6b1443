/** Questions on the terminal. The default is no: also for a script that has no answer. */
import type { Step } from '../../model/plan.ts';
import type { Cli } from '../command.ts';
import { askLine } from './ask.ts';
import { stepWords } from './step-words.ts';

export async function confirm(cli: Cli, question: string): Promise<boolean> {
  const answer = await askLine(cli, question);
  // Nobody pressed Enter: the next message must not stand behind the question.
  if (answer === undefined || !cli.terminal.stdin) cli.out.note('\n');
  return /^\s*(y|yes)\s*$/i.test(answer ?? '');
}

export function askAboutLoss(cli: Cli, steps: readonly Step[]): Promise<boolean> {
  const lines = steps.map((step) => `  ${stepWords(step.action).resource}: ${step.id}\n`).join('');
  return confirm(cli, `This loses data:\n${lines}Go on? [yN] `);
}
