/** Events of a running plan, shown as they come: rows on a terminal, lines elsewhere, JSON for programs, or nothing. */
import type { Emit, ProgressEvent } from '../../model/events.ts';
import { buildJson, layerJson, rawJson } from './build-json.ts';
import { createBuildLines, lastWords } from './build-plain.ts';
import { createBuildSteps } from './build-steps.ts';
import type { Output } from './output.ts';
import { type Paint, paint } from './paint.ts';
import { stepWords } from './step-words.ts';
import type { Terminal } from './terminal.ts';

export interface Progress {
  readonly emit: Emit;
  /** After this nothing is drawn any more: log lines, tables and errors may follow. */
  finish(): Promise<void>;
}

export interface ProgressOptions {
  /** `up`: the heading of the rows. */
  readonly title: string;
  readonly dryRun: boolean;
}

const DRY_RUN = 'DRY-RUN MODE - ';

export function createProgress(out: Output, terminal: Terminal, options: ProgressOptions): Progress {
  const color = paint(terminal.colorsOnStderr);
  switch (terminal.progress) {
    case 'tty':
      return rows(out, terminal, options);
    case 'plain':
      return plain(out, options.dryRun, color);
    case 'json':
      return json(out, options.dryRun);
    case 'rawjson':
      return rawjson(out, color);
    case 'quiet':
      return quiet(out, color);
  }
}

/** As Compose shows what hooks say: `web-1 ->  | text`. */
const hookLines = ({ source, text }: { readonly source: string; readonly text: string }): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `${source} ->  | ${line}\n`)
    .join('');

export const warningLine = (text: string, color: Paint): string => `${color('boldYellow', 'warning')}: ${text}\n`;

function lines(render: (event: ProgressEvent) => string | undefined, out: Output, end = () => ''): Progress {
  return {
    emit: (event) => {
      const line = render(event);
      if (line !== undefined && line !== '') out.note(line);
    },
    finish: async () => {
      const rest = end();
      if (rest !== '') out.note(rest);
    },
  };
}

function plain(out: Output, dryRun: boolean, color: Paint): Progress {
  const steps = createBuildSteps();
  const builds = createBuildLines(steps);
  const render = (event: ProgressEvent) => {
    if (event.type === 'plan') steps.expect(event.steps);
    return event.type === 'build' ? builds.take(event.step, event.event) : plainLine(event, dryRun, color);
  };
  return lines(render, out, () => builds.finish());
}

function json(out: Output, dryRun: boolean): Progress {
  const steps = createBuildSteps();
  const line = (value: object) => `${JSON.stringify({ ...(dryRun && { 'dry-run': true }), ...value })}\n`;
  return lines((event) => {
    if (event.type === 'plan') steps.expect(event.steps);
    if (event.type === 'build') return buildJson(steps, event.step, event.event).map(line).join('');
    return event.type === 'layer' ? line(layerJson(event.step, event.progress)) : progressJson(event, dryRun);
  }, out);
}

/** Builds only: BuildKit has no words for containers. */
function rawjson(out: Output, color: Paint): Progress {
  const steps = createBuildSteps();
  return lines((event) => {
    if (event.type === 'warning') return warningLine(event.text, color);
    if (event.type !== 'build') return undefined;
    const status = rawJson(steps, event.step, event.event, new Date());
    return status && `${JSON.stringify(status)}\n`;
  }, out);
}

/** Warnings, and what a step that failed has printed. */
function quiet(out: Output, color: Paint): Progress {
  const steps = createBuildSteps();
  return lines((event) => {
    if (event.type === 'plan') steps.expect(event.steps);
    if (event.type === 'warning') return warningLine(event.text, color);
    if (event.type !== 'build') return undefined;
    const taken = steps.take(event.step, event.event);
    return taken && event.event.type === 'step' && event.event.state === 'failed' ? lastWords(taken.step) : undefined;
  }, out);
}

/** One line a finished step; two spaces before the word, as Compose prints it. */
function plainLine(event: ProgressEvent, dryRun: boolean, color: Paint): string | undefined {
  const mark = dryRun ? color('cyan', DRY_RUN) : '';
  switch (event.type) {
    case 'done':
    case 'failed':
    case 'skipped': {
      const { action } = event.step;
      // Of the start or stop that it belongs to there is a line anyway.
      if (event.type === 'done' && action.kind === 'container.hook') return undefined;
      const { resource, done } = stepWords(action);
      const word =
        event.type === 'done' ? color('green', done) : event.type === 'failed' ? color('boldRed', 'Error') : 'Skipped';
      const details = event.type === 'skipped' ? `  ${event.because}` : '';
      return ` ${mark}${resource}  ${word}${details}\n`;
    }
    case 'warning':
      return warningLine(event.text, color);
    case 'output':
      return hookLines(event);
    default:
      return undefined;
  }
}

/** The keys of Compose's `--progress json`, and ours beside them: step, elapsedMs. */
function progressJson(event: ProgressEvent, dryRun: boolean): string | undefined {
  const mark = dryRun ? { 'dry-run': true } : {};
  const line = (value: object) => `${JSON.stringify({ ...mark, ...value })}\n`;
  if (event.type === 'plan' || event.type === 'build' || event.type === 'layer') return undefined;
  if (event.type === 'warning') return line({ level: 'warning', message: event.text });
  const { resource, doing, done } = stepWords(event.step.action);
  const about = { id: resource, step: event.step.id };
  switch (event.type) {
    case 'started':
      return line({ ...about, status: 'Working', text: doing });
    case 'progress':
      return line({
        ...about,
        status: 'Working',
        text: event.text,
        ...(event.current !== undefined && { current: event.current }),
        ...(event.total !== undefined && { total: event.total }),
      });
    case 'output':
      return line({ ...about, status: 'Working', text: event.text });
    case 'built':
      return line({ ...about, status: 'Working', text: 'Built', details: event.built.image.id });
    case 'done':
      return line({ ...about, status: 'Done', text: done, elapsedMs: Math.round(event.elapsedMs) });
    case 'failed':
      return line({
        ...about,
        status: 'Error',
        text: 'Error',
        details: event.error.message,
        elapsedMs: Math.round(event.elapsedMs),
      });
    case 'skipped':
      return line({ ...about, status: 'Warning', text: 'Skipped', details: event.because });
  }
}

/** The rows are only loaded when there is something to draw: a plan without steps costs nothing. */
function rows(out: Output, terminal: Terminal, options: ProgressOptions): Progress {
  const color = paint(terminal.colorsOnStderr);
  const later: string[] = [];
  const early: ProgressEvent[] = [];
  let drawing: Promise<Progress> | undefined;
  let ready: Progress | undefined;
  const begin = async (): Promise<Progress> => {
    // A terminal that says it has no width (some have none to tell) cannot be drawn on.
    if (!process.stderr.columns) ready = plain(out, options.dryRun, color);
    else {
      const { createRows } = await import('./progress-rows.ts');
      const title = options.dryRun ? `${DRY_RUN}${options.title}` : options.title;
      ready = createRows({ title, say: (text) => later.push(text) });
    }
    for (const event of early) ready.emit(event);
    return ready;
  };
  return {
    emit: (event) => {
      // What was pulled for it stays on the screen above the rows of the next plan.
      if (event.type === 'plan' && event.steps.length > 0 && drawing) {
        const before = drawing;
        [ready, early.length] = [undefined, 0];
        drawing = before.then((drawn) => drawn.finish()).then(begin);
      }
      if (event.type === 'warning') later.push(warningLine(event.text, color));
      else if (event.type === 'output') later.push(hookLines(event));
      else if (event.type === 'built') return;
      else if (ready) ready.emit(event);
      else {
        early.push(event);
        if (event.type !== 'plan' || event.steps.length > 0) drawing ??= begin();
      }
    },
    finish: async () => {
      await (await drawing)?.finish();
      [ready, drawing] = [undefined, undefined];
      early.length = 0;
      // Only now: a line in the midst of the rows would tear them.
      for (const text of later.splice(0)) out.note(text);
    },
  };
}
