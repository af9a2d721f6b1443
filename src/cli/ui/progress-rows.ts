/** Progress on a terminal: one row a resource, drawn by listr2 and settled by events; listr2 schedules nothing. */
import { DefaultRenderer, Listr, ListrLogger, type ListrTaskWrapper, ProcessOutput } from 'listr2';
import type { ProgressEvent } from '../../model/events.ts';
import type { Step } from '../../model/plan.ts';
import type { PullProgress } from '../../model/pull.ts';
import { lastWords } from './build-plain.ts';
import { layerLines, stepLines } from './build-rows.ts';
import { createBuildSteps } from './build-steps.ts';
import type { Progress } from './progress.ts';
import { stepWords } from './step-words.ts';

type Task = ListrTaskWrapper<unknown, typeof FittingRenderer, typeof FittingRenderer>;

interface Row {
  readonly resource: string;
  readonly settled: Promise<'done' | 'skipped'>;
  settle(how: 'done' | 'skipped' | Error): void;
  task: Task | undefined;
  word: string;
  /** Lines beneath it. */
  beneath: (isOver: boolean) => readonly string[];
  readonly layers: Map<string, PullProgress>;
  firstMs: number;
  /** Steps that are still to come; the row is finished with its last one. */
  left: number;
}

/** At most this often: fifty services make several hundred events, and each drawing formats every row. */
const FRAME_MS = 80;

interface Heading {
  readonly text: () => string;
  /** Before each frame: titles that tell time are written anew. */
  readonly refresh: (isOver: boolean) => void;
}

/** The default renderer, with a heading, not more than a frame at a time, and never taller than the terminal. */
class FittingRenderer extends DefaultRenderer {
  static heading: Heading = { text: () => '', refresh: () => {} };
  private drawnAt = 0;

  override update(): void {
    const now = performance.now();
    if (now - this.drawnAt < FRAME_MS) return;
    this.drawnAt = now;
    FittingRenderer.heading.refresh(false);
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

/** Too many: without what stands beneath rows, the oldest first; then those at work, and as many of the others as there is room for. */
export function fitRows(all: readonly string[], room: number): readonly string[] {
  let excess = all.length - room;
  const rows = excess <= 0 ? all : all.filter((row) => !(isBeneath(row) && excess-- > 0));
  if (rows.length <= room) return rows;
  const isAtWork = (row: string) => /[\u2801-\u28ff]|^\S*[-\\|/]\S* /.test(row);
  const [active, others] = [rows.filter(isAtWork), rows.filter((row) => !isAtWork(row))];
  const kept = [...active.slice(0, room - 1), ...others.slice(0, Math.max(0, room - 1 - active.length))];
  return [...kept, `  … ${rows.length - kept.length} more`];
}

const isBeneath = (row: string): boolean => /^\s*(?:\x1b\[[0-9;]*m)*=>/.test(row);

/** `say`: what is to be told below the rows, at the end. */
export function createRows(options: { readonly title: string; readonly say: (text: string) => void }): Progress {
  const builds = createBuildSteps();
  const startedMs = performance.now();
  const rows = new Map<string, Row>();
  let run: Promise<unknown> | undefined;
  const done = () => [...rows.values()].filter((row) => row.left === 0).length;
  FittingRenderer.heading = {
    refresh: () => {
      for (const row of rows.values())
        if (row.task && row.word !== '' && row.left > 0 && row.beneath(false).length > 0) row.task.title = titleOf(row);
    },
    text: () => `[+] ${options.title} ${done()}/${rows.size}  ${seconds(performance.now() - startedMs)}`,
  };
  return {
    emit: (event) => {
      if (event.type === 'plan') {
        builds.expect(event.steps);
        for (const step of event.steps) rowOf(rows, step).left++;
        if (!run && rows.size > 0) run = draw([...rows.values()]);
      } else if (event.type === 'build') {
        const taken = builds.take(event.step, event.event);
        const row = rowOf(rows, event.step);
        row.beneath = (isOver) => stepLines(builds.of(event.step), isOver, performance.now());
        if (taken && event.event.type === 'step' && event.event.state === 'failed') options.say(lastWords(taken.step));
      } else if (event.type === 'layer') {
        const row = rowOf(rows, event.step);
        row.layers.set(event.progress.layer, event.progress);
        row.beneath = (isOver) => (isOver ? [] : layerLines(row.layers.values()));
      } else if (event.type !== 'warning' && event.type !== 'output' && event.type !== 'built')
        onStep(rowOf(rows, event.step), event);
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
  const own = { beneath: () => [], layers: new Map() };
  const row: Row = { resource, settled, settle, task: undefined, word: '', firstMs: 0, left: 0, ...own };
  rows.set(resource, row);
  return row;
}

type OfStep = Extract<ProgressEvent, { type: 'started' | 'progress' | 'done' | 'failed' | 'skipped' }>;

function onStep(row: Row, event: OfStep): void {
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
  if (event.type === 'failed') {
    const [head, ...beneath] = title.split('\n');
    row.settle(new Error([`${head}  ${event.error.message}`, ...beneath].join('\n')));
  } else if (row.left <= 0) row.settle(event.type === 'skipped' ? 'skipped' : 'done');
}

/** How long it took is told at its end: a title is only written anew when something happens. */
function titleOf({ resource, word, left, firstMs, beneath }: Row): string {
  if (word === '') return resource;
  const head = left > 0 ? `${resource}  ${word}` : `${resource}  ${word}  ${seconds(performance.now() - firstMs)}`;
  return [head, ...beneath(left <= 0)].join('\n');
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
