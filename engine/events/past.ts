/** What can still be told of a container's past: nobody keeps a history, but its record, its last state and its trace are there. */
import type { ContainerRecord } from '../state/records.ts';
import type { SupervisorState } from '../supervise/state-file.ts';
import { type Change, probesBetween } from './changes.ts';

/** Its making, its last start and end, the results of its checks that are kept, and what the trace kept; oldest first. */
export function pastOf(
  record: ContainerRecord,
  state: SupervisorState | undefined,
  traced: readonly Change[],
): readonly Change[] {
  const made: Change = { action: 'create', at: record.createdAt, attributes: {} };
  const all = [made, ...(state === undefined ? [] : lastRun(state)), ...traced];
  return all
    .map((change, index) => [change, index] as const)
    .sort(byTime)
    .map(([change]) => change);
}

function lastRun(state: SupervisorState): readonly Change[] {
  const { startedAt, finishedAt, exitCode, oomKilled, status, signals } = state;
  const changes: Change[] = [];
  if (startedAt !== undefined) changes.push({ action: 'start', at: startedAt, attributes: {} });
  changes.push(...probesBetween(undefined, state));
  if (finishedAt === undefined) return changes;
  if (oomKilled) changes.push({ action: 'oom', at: finishedAt, attributes: {} });
  if (status === 'exited' && signals?.stopped) changes.push({ action: 'stop', at: finishedAt, attributes: {} });
  changes.push({ action: 'die', at: finishedAt, attributes: { exitCode: `${exitCode}` } });
  return changes;
}

type Numbered = readonly [Change, number];

/** What has the same moment stays in the order of its making. */
const byTime = ([a, i]: Numbered, [b, k]: Numbered): number => Date.parse(a.at!) - Date.parse(b.at!) || i - k;
