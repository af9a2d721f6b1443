/** Builds for programs: lines in the manner of Compose's `--progress json`, and BuildKit's own `rawjson`. */
import { createHash } from 'node:crypto';
import type { BuildEvent } from '../../model/build.ts';
import type { Step } from '../../model/plan.ts';
import type { PullProgress } from '../../model/pull.ts';
import type { BuildSteps } from './build-steps.ts';
import { stepWords } from './step-words.ts';

const STATUS = { started: 'Working', cached: 'Done', done: 'Done', failed: 'Error', canceled: 'Warning' } as const;
const TEXT = { started: 'Building', cached: 'Cached', done: 'Built', failed: 'Error', canceled: 'Canceled' } as const;

/** Objects for lines: the keys of Compose (id, parent_id, status, text, details, current, total), and `step`. */
export function buildJson(steps: BuildSteps, owner: Step, event: BuildEvent): readonly object[] {
  if (event.type === 'finding') {
    const { code, severity, summary } = event.finding;
    return [{ level: severity, message: summary, code }];
  }
  const taken = steps.take(owner, event);
  if (!taken) return [];
  const about = { id: taken.step.title, parent_id: stepWords(owner.action).resource, step: owner.id };
  const output = taken.lines.map(({ text, stream }) => ({ ...about, status: 'Working', text, stream }));
  if (event.type === 'step') {
    const { state } = event;
    const elapsed = state === 'started' ? {} : { elapsedMs: Math.round(taken.step.elapsedMs) };
    const details = taken.step.error === '' ? {} : { details: taken.step.error };
    return [...output, { ...about, status: STATUS[state], text: TEXT[state], ...details, ...elapsed }];
  }
  if (event.type === 'progress') {
    const { what, bytes, total } = event;
    return [{ ...about, status: 'Working', text: what, current: bytes, ...(total === undefined ? {} : { total }) }];
  }
  return output;
}

const LAYER = {
  waiting: 'Waiting',
  pulling: 'Downloading',
  present: 'Already exists',
  done: 'Pull complete',
  preparing: 'Preparing',
  pushing: 'Pushing',
  exists: 'Layer already exists',
  mounted: 'Mounted from another repository',
  pushed: 'Pushed',
} as const;

/** The words of `docker pull` and `docker push` for a layer. */
export const layerWord = ({ state }: PullProgress): string => LAYER[state];

export const isOver = (state: PullProgress['state']): boolean =>
  state !== 'waiting' && state !== 'pulling' && state !== 'preparing' && state !== 'pushing';

export const layerName = ({ layer }: PullProgress): string => layer.replace(/^[a-z0-9]+:/, '').slice(0, 12);

export function layerJson(owner: Step, progress: PullProgress): object {
  const { bytes, total, state } = progress;
  return {
    id: layerName(progress),
    parent_id: stepWords(owner.action).resource,
    step: owner.id,
    status: isOver(state) ? 'Done' : 'Working',
    text: layerWord(progress),
    current: bytes,
    total,
  };
}

/** One SolveStatus of BuildKit a line; `now` is a time of the clock on the wall. */
export function rawJson(steps: BuildSteps, owner: Step, event: BuildEvent, now: Date): object | undefined {
  if (event.type === 'finding') {
    const { summary, at } = event.finding;
    return { warnings: [{ level: 1, short: Buffer.from(summary).toString('base64'), range: at && [at.start.line] }] };
  }
  const taken = steps.take(owner, event);
  if (!taken) return undefined;
  const { step } = taken;
  const digest = digestOf(`${owner.id}\0${step.number}`);
  const timestamp = now.toISOString();
  if (event.type === 'output')
    return {
      logs: [
        {
          vertex: digest,
          stream: event.stream === 'stdout' ? 1 : 2,
          data: Buffer.from(event.bytes).toString('base64'),
          timestamp,
        },
      ],
    };
  if (event.type === 'progress') {
    const { what, bytes, total = 0 } = event;
    return { statuses: [{ id: what, vertex: digest, total, current: bytes, timestamp }] };
  }
  const started = new Date(now.getTime() - (event.state === 'started' ? 0 : step.elapsedMs)).toISOString();
  const ended = event.state === 'started' ? {} : { completed: timestamp };
  const error = event.state === 'failed' || event.state === 'canceled' ? { error: step.error || event.state } : {};
  const cached = event.state === 'cached' ? { cached: true } : {};
  return { vertexes: [{ digest, name: step.title, started, ...ended, ...cached, ...error }] };
}

const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
