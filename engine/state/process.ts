/** Processes by pid and start time: a pid alone may be somebody else's by now. */
import { readFileSync } from 'node:fs';

export interface ProcessId {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTime: string;
}

interface StatLine {
  readonly state: string;
  readonly parent: number;
  readonly startTime: string;
}

/** proc(5); the second field, the program's name, may hold blanks and brackets. */
function readStat(pid: number): StatLine | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', parent: Number(fields[1]), startTime: fields[19] ?? '' };
}

export const startTimeOf = (pid: number): string | undefined => readStat(pid)?.startTime;

/** A zombie has ended: what is left of it waits for its parent to look. */
export function isAlive({ pid, startTime }: ProcessId): boolean {
  if (pid <= 0) return false;
  const stat = readStat(pid);
  return stat !== undefined && stat.startTime === startTime && stat.state !== 'Z' && stat.state !== 'X';
}
