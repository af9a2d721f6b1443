/** Builds as lines, in the form of BuildKit's `--progress plain`, which people and programs read. */
import type { BuildEvent } from '../../model/build.ts';
import type { Step } from '../../model/plan.ts';
import type { BuildStep, BuildSteps } from './build-steps.ts';

export interface BuildLines {
  /** Text to print now, or ''. */
  take(owner: Step, event: BuildEvent): string;
  /** What is still held back. */
  finish(): string;
}

/** Lines of one step stay together for so long, while it says something. As BuildKit has it. */
const PATIENCE_MS = 5_000;

export function createBuildLines(steps: BuildSteps, clock: () => number = () => performance.now()): BuildLines {
  const waiting = new Map<BuildStep, string[]>();
  let current: BuildStep | undefined;
  let since = 0;

  const flush = (isLast: boolean): string => {
    let out = '';
    for (;;) {
      const lines = current && waiting.get(current);
      if (current && lines?.length) {
        out += lines.splice(0).join('');
        since = clock();
      }
      if (current && current.state === 'started') {
        const others = [...waiting].some(([step, held]) => step !== current && held.length > 0);
        if (!others || (!isLast && clock() - since < PATIENCE_MS)) return out;
        out += `#${current.number} ...\n\n`;
      } else if (current) {
        waiting.delete(current);
        out += '\n';
      }
      current = [...waiting].find(([, held]) => held.length > 0)?.[0];
      if (!current) return out;
      out += `#${current.number} ${current.title}\n`;
    }
  };

  return {
    take(owner, event) {
      const taken = steps.take(owner, event);
      if (!taken) return '';
      const { step, lines } = taken;
      const held = waiting.get(step) ?? [];
      waiting.set(step, held);
      for (const { seconds, text } of lines) held.push(`#${step.number} ${stamp(seconds)} ${text}\n`);
      if (event.type === 'step') {
        if (event.state === 'started' && !current) held.push('');
        if (event.state !== 'started') held.push(`#${step.number} ${END[event.state](step)}\n`);
        if (event.state === 'failed') held.push(lastWords(step));
      }
      if (event.type === 'progress' && event.total !== undefined && event.bytes >= event.total)
        held.push(
          `#${step.number} ${[...step.moved.keys()].at(-1)} ${size(event.bytes)} / ${size(event.total)} done\n`,
        );
      return flush(false);
    },
    finish: () => flush(true),
  };
}

const END = {
  cached: () => 'CACHED',
  done: ({ elapsedMs }: BuildStep) => `DONE ${(elapsedMs / 1000).toFixed(1)}s`,
  failed: ({ error }: BuildStep) => `ERROR: ${error || 'failed'}`,
  canceled: () => 'CANCELED',
};

/** What it printed last, once more: where it is looked for, beneath everything else. */
export function lastWords({ title, lines }: BuildStep): string {
  const shown = lines.slice(-20).map(({ seconds, text }) => `${stamp(seconds)} ${text}\n`);
  return `------\n > ${title}:\n${shown.join('')}------\n`;
}

const stamp = (seconds: number): string => seconds.toFixed(seconds < 10 ? 3 : seconds < 100 ? 2 : 1);

export const size = (bytes: number): string =>
  bytes < 1000 ? `${bytes}B` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(2)}kB` : `${(bytes / 1e6).toFixed(2)}MB`;
