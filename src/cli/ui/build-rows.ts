/** What stands beneath the row of an image on a terminal: the steps of its build with what they print, or the layers of its pull. */
import type { PullProgress } from '../../model/pull.ts';
import { layerName, layerWord } from './build-json.ts';
import { size } from './build-plain.ts';
import type { BuildStep } from './build-steps.ts';

/** Lines of a running step that are shown. */
const TAIL = 4;

/** While it runs: what is at work, and what came before it. At its end: all steps. */
export function stepLines(steps: readonly BuildStep[], isOver: boolean, nowMs: number): readonly string[] {
  if (isOver) return steps.map((step) => line(step, nowMs));
  const lines: string[] = [];
  for (const step of steps) {
    lines.push(line(step, nowMs));
    if (step.state !== 'started') continue;
    for (const [what, { bytes, total }] of step.moved) {
      if (total === undefined || bytes < total)
        lines.push(`=> => ${what} ${size(bytes)}${total === undefined ? '' : ` / ${size(total)}`}`);
    }
    for (const { text } of step.lines.slice(-TAIL)) if (text !== '') lines.push(`=> => # ${text}`);
  }
  return lines;
}

function line({ state, title, startedMs, elapsedMs }: BuildStep, nowMs: number): string {
  const seconds = ((state === 'started' ? nowMs - startedMs : elapsedMs) / 1000).toFixed(1);
  return `=> ${MARK[state]}${title}  ${seconds}s`;
}

const MARK = { started: '', cached: 'CACHED ', done: '', failed: 'ERROR ', canceled: 'CANCELED ' } as const;

/** A bar for each layer that is on its way; those that the store has had are no news. */
export function layerLines(layers: Iterable<PullProgress>): readonly string[] {
  return [...layers]
    .filter(({ state }) => state !== 'present' && state !== 'exists')
    .map((one) => {
      const { bytes, total, state } = one;
      const word = layerWord(one);
      if (state !== 'pulling' && state !== 'pushing') return `=> ${layerName(one)} ${word}`;
      const share = total === 0 ? 0 : Math.min(1, bytes / total);
      const bar = '='.repeat(Math.round(share * WIDTH)).padEnd(WIDTH);
      return `=> ${layerName(one)} ${word} [${bar}] ${size(bytes)}/${size(total)}`;
    });
}

const WIDTH = 20;
