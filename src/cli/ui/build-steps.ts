/** What is known of the steps of all builds of a command: numbers, titles, times, the ends of their output. Every view reads it. */
import { StringDecoder } from 'node:string_decoder';
import type { BuildEvent } from '../../model/build.ts';
import type { ActionKind, Step } from '../../model/plan.ts';
import { printableInLine } from './paint.ts';

export interface BuildStep {
  /** From 1, in the order in which steps are first heard of. */
  readonly number: number;
  /** Safe to print. With the service's name where several are built: `[web builder 2/5] RUN make`. */
  readonly title: string;
  state: 'started' | 'cached' | 'done' | 'failed' | 'canceled';
  readonly startedMs: number;
  elapsedMs: number;
  error: string;
  /** Lines that it printed last, safe to print, with the seconds since it began. */
  readonly lines: OutputLine[];
  /** What has no end yet, by stream. */
  readonly open: Map<string, { readonly decoder: StringDecoder; text: string }>;
  /** Bytes by what is moved. */
  readonly moved: Map<string, { readonly bytes: number; readonly total?: number }>;
}

export interface OutputLine {
  readonly seconds: number;
  readonly text: string;
  readonly stream: 'stdout' | 'stderr';
}

export interface BuildSteps {
  /** Told of plans: with two builds or more, titles say whose they are. */
  expect(steps: readonly Step[]): void;
  /** The step that an event is about, brought up to date, and the lines that the event ended. Findings have none. */
  take(step: Step, event: BuildEvent): { readonly step: BuildStep; readonly lines: readonly OutputLine[] } | undefined;
  /** Of one build, as they began. */
  of(step: Step): readonly BuildStep[];
}

const KEPT_LINES = 200;

export function createBuildSteps(clock: () => number = () => performance.now()): BuildSteps {
  const byId = new Map<string, BuildStep>();
  const byBuild = new Map<string, BuildStep[]>();
  let isOneOfMany = false;

  const begin = (owner: Step, id: string, title: string): BuildStep => {
    const key = `${owner.id}\0${id}`;
    const known = byId.get(key);
    if (known) return known;
    const made: BuildStep = {
      number: byId.size + 1,
      title: printableInLine(isOneOfMany ? named(title, nameOf(owner)) : title),
      state: 'started',
      startedMs: clock(),
      elapsedMs: 0,
      error: '',
      lines: [],
      open: new Map(),
      moved: new Map(),
    };
    byId.set(key, made);
    byBuild.set(owner.id, [...(byBuild.get(owner.id) ?? []), made]);
    return made;
  };

  return {
    expect: (steps) => {
      if (steps.filter(({ action }) => action.kind === ('image.build' satisfies ActionKind)).length > 1)
        isOneOfMany = true;
    },
    of: (owner) => byBuild.get(owner.id) ?? [],
    take(owner, event) {
      if (event.type === 'finding') return undefined;
      if (event.type === 'step') {
        const step = begin(owner, event.step.id, event.step.title);
        step.state = event.state;
        if (event.error !== undefined) step.error = printableInLine(event.error);
        if (event.state === 'started') return { step, lines: [] };
        step.elapsedMs = event.elapsedMs ?? clock() - step.startedMs;
        return { step, lines: keep(step, ending(step, clock)) };
      }
      const step = begin(owner, event.step, event.step);
      if (event.type === 'progress') {
        const { what, bytes, total } = event;
        step.moved.set(printableInLine(what), { bytes, ...(total === undefined ? {} : { total }) });
        return { step, lines: [] };
      }
      return { step, lines: keep(step, heard(step, event, clock)) };
    },
  };
}

const nameOf = ({ action }: Step): string => (action.kind === 'image.build' ? (action.service ?? action.image) : '');

/** `[builder 2/5] RUN make` → `[web builder 2/5] RUN make` */
const named = (title: string, name: string): string =>
  title.startsWith('[') ? `[${name} ${title.slice(1)}` : `[${name}] ${title}`;

function keep(step: BuildStep, lines: readonly OutputLine[]): readonly OutputLine[] {
  step.lines.push(...lines);
  if (step.lines.length > KEPT_LINES) step.lines.splice(0, step.lines.length - KEPT_LINES);
  return lines;
}

type Output = Extract<BuildEvent, { type: 'output' }>;

/** A carriage return begins a line anew: of a bar that is drawn over and over, every picture is a line of its own. */
function heard(step: BuildStep, { stream, bytes }: Output, clock: () => number): readonly OutputLine[] {
  const open = step.open.get(stream) ?? { decoder: new StringDecoder('utf8'), text: '' };
  step.open.set(stream, open);
  const parts = (open.text + open.decoder.write(Buffer.from(bytes))).split(/\r*\n|\r+(?!\n|$)/);
  open.text = parts.pop() ?? '';
  // A line without an end is shown in pieces: it must not be kept for ever.
  if (open.text.length > MAX_LINE) parts.push(open.text.slice(0, MAX_LINE));
  if (open.text.length > MAX_LINE) open.text = open.text.slice(MAX_LINE);
  const seconds = (clock() - step.startedMs) / 1000;
  return parts.map((text) => ({ seconds, text: plainText(text), stream }));
}

const MAX_LINE = 65_536;

function ending(step: BuildStep, clock: () => number): readonly OutputLine[] {
  const seconds = (clock() - step.startedMs) / 1000;
  const rest = [...step.open].flatMap(([stream, { decoder, text }]) => {
    const last = plainText(text + decoder.end());
    return last === '' ? [] : [{ seconds, text: last, stream: stream as 'stdout' | 'stderr' }];
  });
  step.open.clear();
  return rest;
}

/** Colours and movements of the cursor are left out; whatever else would draw on the terminal is shown by its code. */
export const plainText = (text: string): string =>
  printableInLine(
    text
      .replace(/\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>78c]/g, '')
      .replace(/\r+$/, '')
      .replace(/\t/g, '    '),
  );
