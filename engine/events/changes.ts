/** Two states of a container, one after the other → what happened in between, as Docker names it. Reads nothing. */
import { createHash } from 'node:crypto';
import type { EngineEvent } from '../../src/model/engine.ts';
import type { SupervisorState } from '../supervise/state-file.ts';

export interface Change {
  readonly action: EngineEvent['action'];
  /** Absent: now. */
  readonly at?: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * The states are what a supervisor published; one that was overwritten before it could be read is made up for: a later start tells of
 * an end before it. In the order in which Docker 28 tells them: kill, oom, stop, die, start, and what concerns a running one.
 */
export function changesBetween(before: SupervisorState | undefined, now: SupervisorState): readonly Change[] {
  const ended = now.finishedAt !== before?.finishedAt && now.finishedAt !== undefined;
  const started = now.startedAt !== before?.startedAt && now.startedAt !== undefined;
  const endsFirst = !started || (ended && Date.parse(now.finishedAt!) <= Date.parse(now.startedAt!));
  const end = ended ? endOf(before, now) : [];
  const start: readonly Change[] = started ? [{ action: 'start', at: now.startedAt!, attributes: {} }] : [];
  const kills = signalsBetween(before, now);
  return endsFirst
    ? [...kills, ...end, ...start, ...whileRunning(before, now, started)]
    : [...start, ...kills, ...end, ...whileRunning(before, now, started)];
}

function signalsBetween(before: SupervisorState | undefined, now: SupervisorState): readonly Change[] {
  const count = Math.max(0, (now.signals?.count ?? 0) - (before?.signals?.count ?? 0));
  if (count === 0) return [];
  return [{ action: 'kill', attributes: { signal: `${now.signals!.last}` } }];
}

function endOf(before: SupervisorState | undefined, now: SupervisorState): readonly Change[] {
  const from = Date.parse((before?.startedAt ?? now.startedAt) || now.finishedAt!);
  const seconds = Math.max(0, Math.floor((Date.parse(now.finishedAt!) - from) / 1000));
  const at = now.finishedAt!;
  const changes: Change[] = [];
  if (now.oomKilled && before?.oomKilled !== true) changes.push({ action: 'oom', at, attributes: {} });
  if (now.status === 'exited' && now.signals?.stopped) changes.push({ action: 'stop', at, attributes: {} });
  changes.push({ action: 'die', at, attributes: { execDuration: `${seconds}`, exitCode: `${now.exitCode}` } });
  return changes;
}

function whileRunning(before: SupervisorState | undefined, now: SupervisorState, fresh: boolean): readonly Change[] {
  if (now.status !== 'running' && now.status !== 'paused') return [];
  const changes: Change[] = [];
  const ended = now.finishedAt !== before?.finishedAt;
  if (now.oomKilled && !ended && (fresh || before?.oomKilled !== true)) changes.push({ action: 'oom', attributes: {} });
  const wasPaused = !fresh && before?.status === 'paused';
  if (now.status === 'paused' && !wasPaused) changes.push({ action: 'pause', attributes: {} });
  if (now.status === 'running' && wasPaused) changes.push({ action: 'unpause', attributes: {} });
  changes.push(...probesBetween(before, now));
  // Docker tells of results only: not of the beginning, and not of the end of the checks.
  const isResult = now.status === 'running' && (now.health === 'healthy' || now.health === 'unhealthy');
  const seen = fresh ? 'starting' : before?.health;
  if (isResult && now.health !== seen && !wasPaused) {
    const at = now.healthLog.at(-1)?.end;
    changes.push({ action: 'health_status', ...(at ? { at } : {}), attributes: { health: now.health } });
  }
  return changes;
}

/** Each is known when it is over, by its result. One that could not be run has begun and never died, as in Docker. */
export function probesBetween(before: SupervisorState | undefined, now: SupervisorState): readonly Change[] {
  const last = before?.healthLog.at(-1)?.start;
  const known = now.healthLog.findIndex(({ start }) => start === last);
  return now.healthLog.slice(known + 1).flatMap(({ start, end, exitCode, output }): readonly Change[] => {
    const execID = createHash('sha256').update(`${now.id} ${start}`).digest('hex').slice(0, 16);
    const code = output.startsWith(TIMED_OUT) ? KILLED : exitCode;
    return [
      { action: 'exec_create', at: start, attributes: { execID } },
      { action: 'exec_start', at: start, attributes: { execID } },
      ...(code < 0 ? [] : [{ action: 'exec_die', at: end, attributes: { execID, exitCode: `${code}` } } as const]),
    ];
  });
}

/** How a result begins whose probe was killed for its time (engine/supervise/encode-spec.ts). */
const TIMED_OUT = 'Health check exceeded timeout';
const KILLED = 137;
