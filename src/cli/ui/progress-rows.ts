/** Progress on a terminal: one row a resource, drawn by listr2 and settled by events; listr2 schedules nothing. */
import { DefaultRenderer, Listr, ListrLogger, type ListrTaskWrapper, ProcessOutput } from 'listr2';
import type { ProgressEvent } from '../../model/events.ts';
import type { Step } from '../../model/plan.ts';
import type { Progress } from './progress.ts';
import { stepWords } from './step-words.ts';

type Task = ListrTaskWrapper<unknown, typeof FittingRenderer, typeof FittingRenderer>;

interface Row {
  readonly resource: string;
  readonly settled: Promise<'done' | 'skipped'>;
  settle(how: 'done' | 'skipped' | Error): void;
  task: Task | undefined;
  word: string;
  firstMs: number;
  /** Steps that are still to come; the row is finished with its last one. */
  left: number;
}

/** At most this often: fifty services make several hundred events, and each drawing formats every row. */
const FRAME_MS = 80;

interface Heading {
  readonly text: () => string;
}

/** The default renderer, with a heading, not more than a frame at a time, and never taller than the terminal. */
class FittingRenderer extends DefaultRenderer {
  static heading: Heading = { text: () => '' };
  private drawnAt = 0;

  override update(): void {
    const now = performance.now();
    if (now - this.drawnAt < FRAME_MS) return;
    this.drawnAt = now;
    super.update();
  }

  override create(options?: { tasks?: boolean; bottomBar?: boolean; prompt?: boolean }): string {
    const heading = FittingRenderer.heading.text();
    const rows = super.create(options).split('\n');
    // `prompt: false` is the last drawing, which stays: all of it.
    const room = options?.prompt === false ? Number.POSITIVE_INFINITY : (process.stderr.rows || 24) - 3;
    return [heading, ...fitRows(rows, room)].join('\n');
  }
}

/** Too many: those at work first, then as many of the others as there is room for. */
export function fitRows(rows: readonly string[], room: number): readonly string[] {
  if (rows.length <= room) return rows;
  const isAtWork = (row: string) => /[\u2801-\u28ff]|^\S*[-\\|/]\S* /.test(row);
  const [active, others] = [rows.filter(isAtWork), rows.filter((row) => !isAtWork(row))];
  const kept = [...active.slice(0, room - 1), ...others.slice(0, Math.max(0, room - 1 - active.length))];
  return [...kept, `  … ${rows.length - kept.length} more`];
}

export function createRows(options: { readonly title: string }): Progress {
  const startedMs = performance.now();
  const rows = new Map<string, Row>();
  let run: Promise<unknown> | undefined;
  const done = () => [...rows.values()].filter((row) => row.left === 0).length;
  FittingRenderer.heading = {
    text: () => `[+] ${options.title} ${done()}/${rows.size}  ${seconds(performance.now() - startedMs)}`,
  };
  return {
    emit: (event) => {
      if (event.type === 'plan') {
        for (const step of event.steps) rowOf(rows, step).left++;
        if (!run && rows.size > 0) run = draw([...rows.values()]);
      } else if (event.type !== 'warning' && event.type !== 'output') onStep(rowOf(rows, event.step), event);
    },
    finish: async () => {
      // Interrupted or refused midway: what has not begun stays as it is.
      for (const row of rows.values()) row.settle('skipped');
      await run;
    },
  };
}

function rowOf(rows: Map<string, Row>, step: Step): Row {
  const { resource } = stepWords(step.action);
  const known = rows.get(resource);
  if (known) return known;
  let settle: Row['settle'] = () => {};
  const settled = new Promise<'done' | 'skipped'>((resolve, reject) => {
    settle = (how) => (how instanceof Error ? reject(how) : resolve(how));
  });
  settled.catch(() => {});
  const row: Row = { resource, settled, settle, task: undefined, word: '', firstMs: 0, left: 0 };
  rows.set(resource, row);
  return row;
}

function onStep(row: Row, event: Exclude<ProgressEvent, { type: 'plan' | 'warning' | 'output' }>): void {
  const words = stepWords(event.step.action);
  row.firstMs ||= performance.now();
  if (event.type === 'started') row.word = words.doing;
  else if (event.type === 'progress') row.word = `${words.doing} ${event.text}`;
  else {
    row.left--;
    row.word = event.type === 'done' ? words.done : event.type === 'failed' ? 'Error' : `Skipped  ${event.because}`;
  }
  const title = titleOf(row);
  if (row.task) row.task.title = title;
  if (event.type === 'failed') row.settle(new Error(`${title}  ${event.error.message}`));
  else if (row.left <= 0) row.settle(event.type === 'skipped' ? 'skipped' : 'done');
}

/** How long it took is told at its end: a title is only written anew when something happens. */
function titleOf({ resource, word, left, firstMs }: Row): string {
  if (word === '') return resource;
  return left > 0 ? `${resource}  ${word}` : `${resource}  ${word}  ${seconds(performance.now() - firstMs)}`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)}s`;

function draw(rows: readonly Row[]): Promise<unknown> {
  const stderr = new ProcessOutput(process.stderr, process.stderr);
  const list = new Listr(
    rows.map((row) => ({
      title: titleOf(row),
      task: async (_context: unknown, task: Task) => {
        row.task = task;
        // Much may have happened before listr2 began.
        task.title = titleOf(row);
        if ((await row.settled) === 'skipped') task.skip(titleOf(row));
      },
    })),
    {
      concurrent: true,
      exitOnError: false,
      registerSignalListeners: false,
      renderer: FittingRenderer,
      rendererOptions: { formatOutput: 'truncate', logger: new ListrLogger({ useIcons: true, processOutput: stderr }) },
    },
  );
  return list.run().catch(() => {});
}
