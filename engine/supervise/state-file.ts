/** What a supervisor says of its container: RUN/containers/ID/state, its copy ROOT/containers/ID/exit, and the records of a watch. */
import { SECTIONS, type Section } from './spec.ts';

export interface SupervisorState {
  readonly id: string;
  /** pid 0: there is none any more, this is the end. */
  readonly supervisor: ProcessId;
  /** `created`: no start has succeeded yet (see `error` when the supervisor is gone). */
  readonly status: 'created' | 'running' | 'paused' | 'restarting' | 'exited';
  /** The container's init; pid 0 unless `running` or `paused`. */
  readonly init: ProcessId;
  /** RFC 3339 with nanoseconds. */
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** Of the last run, or 126, 127, 128 of a start that failed. */
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly restartCount: number;
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy';
  readonly failingStreak: number;
  /** Oldest first, at most five. */
  readonly healthLog: readonly HealthResult[];
  /** Sent from outside since the supervisor began: how many, the last one, and whether the end was asked for. */
  readonly signals?: { readonly count: number; readonly last: number; readonly stopped: boolean };
  /** The last start failed. */
  readonly error?: SupervisorError;
}

/** A pid means a process only together with its start time (clock ticks since boot, /proc/PID/stat field 22). */
export interface ProcessId {
  readonly pid: number;
  readonly startTime: string;
}

export interface HealthResult {
  readonly start: string;
  readonly end: string;
  readonly exitCode: number;
  readonly output: string;
}

export interface SupervisorError {
  readonly section: Section;
  readonly index: number;
  readonly errno: number;
}

const NOBODY: ProcessId = { pid: 0, startTime: '0' };

const parseProcess = (value: string | undefined): ProcessId => {
  const [pid, startTime] = (value ?? '').split(' ');
  return pid && startTime ? { pid: Number(pid), startTime } : NOBODY;
};

const parseError = (value: string): SupervisorError => {
  const [section, index, errno] = value.split(' ').map(Number);
  return { section: SECTIONS[section ?? 0] ?? 'program', index: index ?? 0, errno: errno ?? 0 };
};

const parseSignals = (value: string): NonNullable<SupervisorState['signals']> => {
  const [count = 0, last = 0, stopped = 0] = value.split(' ').map(Number);
  return { count, last, stopped: stopped === 1 };
};

const parseResult = (value: string): HealthResult => {
  const [start = '', end = '', exitCode, output] = value.split(' ');
  return { start, end, exitCode: Number(exitCode), output: Buffer.from(output ?? '', 'base64').toString() };
};

const oneOf = <T extends string>(allowed: readonly T[], value: string | undefined): T =>
  allowed.find((word) => word === value) ?? allowed[0]!;

/** undefined: not a whole state (cut short by a crash of the machine, or of another version). */
export const parseState = (text: string): SupervisorState | undefined => {
  if (!text.startsWith('version 1\n') || !text.endsWith('\n')) return undefined;
  const values = new Map<string, string>();
  const healthLog: HealthResult[] = [];
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    const [key, value] = [line.slice(0, space), line.slice(space + 1)];
    if (key === 'health_log') healthLog.push(parseResult(value));
    else if (space > 0) values.set(key, value);
  }
  if (!values.has('failing_streak')) return undefined;
  const [startedAt, finishedAt, error] = [values.get('started_at'), values.get('finished_at'), values.get('error')];
  const signals = values.get('signals');
  return {
    id: values.get('id') ?? '',
    supervisor: parseProcess(values.get('supervisor')),
    status: oneOf(['created', 'running', 'paused', 'restarting', 'exited'], values.get('status')),
    init: parseProcess(values.get('pid')),
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    exitCode: Number(values.get('exit_code')),
    oomKilled: values.get('oom_killed') === '1',
    restartCount: Number(values.get('restart_count')),
    health: oneOf(['none', 'starting', 'healthy', 'unhealthy'], values.get('health')),
    failingStreak: Number(values.get('failing_streak')),
    healthLog,
    ...(signals !== undefined && { signals: parseSignals(signals) }),
    ...(error !== undefined && { error: parseError(error) }),
  };
};

/** The state of a supervisor that was killed, as it would have ended it. */
export function endedState(text: string, end: { readonly at: string; readonly exitCode: number }): string {
  const ended = new Map([
    ['supervisor', 'supervisor 0 0'],
    ['status', `status ${text.includes('\nstarted_at ') ? 'exited' : 'created'}`],
    ['pid', 'pid 0 0'],
    ['exit_code', `finished_at ${end.at}\nexit_code ${end.exitCode}`],
  ]);
  return text
    .split('\n')
    .filter((line) => !line.startsWith('finished_at '))
    .map((line) => ended.get(line.slice(0, line.indexOf(' '))) ?? line)
    .join('\n');
}
