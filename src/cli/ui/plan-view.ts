/** A plan for people: plan/describe.ts in colour, and safe to print. */
import type { Plan } from '../../model/plan.ts';
import { type Change, changesOf, describeCount, describeReason, SYMBOL } from '../../operations/describe-plan.ts';
import { type Paint, printable, printableInLine } from './paint.ts';
import { warningLine } from './progress.ts';

/** `base`: paths below it are shown relative to it. */
export function renderPlan(plan: Plan, color: Paint, base: string): string {
  const changes = changesOf(plan);
  const widths = {
    resource: Math.max(0, ...changes.map(({ resource }) => resource.length)),
    verb: Math.max(0, ...changes.map(({ verb }) => verb.length)),
  };
  return [
    ...plan.warnings.map((text) => warningLine(printable(text), color)),
    ...changes.flatMap((change) => renderChange(change, widths, color, base).map((line) => `${line}\n`)),
    `${color('bold', describeCount(changes))}\n`,
  ].join('');
}

export const changesAnything = (plan: Plan): boolean => changesOf(plan).some(({ kind }) => kind !== 'wait');

const COLORS = { create: 'green', recreate: 'yellow', change: 'yellow', remove: 'red', wait: 'dim' } as const;

function renderChange(
  { kind, resource, verb, because, losesData }: Change,
  widths: { readonly resource: number; readonly verb: number },
  color: Paint,
  base: string,
): readonly string[] {
  const plain = `${SYMBOL[kind].padStart(3)} ${resource.padEnd(widths.resource)}  ${verb.padEnd(widths.verb)}`;
  const head = `${color(COLORS[kind], plain.trimEnd())}${' '.repeat(plain.length - plain.trimEnd().length)}`;
  const reasons = because.map((reason) => printableInLine(describeReason(reason, base))).filter(Boolean);
  const told = losesData ? [...reasons, color('boldRed', 'its data is lost')] : reasons;
  if (told.length === 0) return [head.trimEnd()];
  const indent = ' '.repeat(plain.length);
  return told.map((text, index) => `${index === 0 ? head : indent}  ${text}`);
}
