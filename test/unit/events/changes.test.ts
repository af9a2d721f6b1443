/** What two states of a container, one after the other, tell of the time between them. */
import { expect, test } from 'vitest';
import { changesBetween } from '../../../engine/events/changes.ts';
import { parseState, type SupervisorState } from '../../../engine/supervise/state-file.ts';

const at = (second: number) => `2026-01-31T12:00:${String(second).padStart(2, '0')}.5Z`;
const state = (changes: Partial<SupervisorState> = {}): SupervisorState => ({
  id: 'c',
  supervisor: { pid: 1, startTime: '1' },
  status: 'running',
  init: { pid: 2, startTime: '2' },
  startedAt: at(1),
  exitCode: 0,
  oomKilled: false,
  restartCount: 0,
  health: 'none',
  failingStreak: 0,
  healthLog: [],
  ...changes,
});
const TIMED_OUT = 'Health check exceeded timeout (1s): something';
const probe = (second: number, exitCode: number, output = '') => ({
  start: at(second),
  end: at(second),
  exitCode,
  output,
});
const ended = (changes: Partial<SupervisorState> = {}) =>
  state({ status: 'exited', finishedAt: at(8), exitCode: 3, ...changes });

test.each<[string, SupervisorState | undefined, SupervisorState, readonly string[]]>([
  ['nothing when nothing changed', state(), state(), []],
  ['a first start', undefined, state(), ['start']],
  ['a start, also of one that ran before', ended(), state({ finishedAt: at(8), startedAt: at(9) }), ['start']],
  ['an end by itself', state(), ended(), ['die exitCode=3 execDuration=7']],
  [
    'an end that was asked for',
    state(),
    ended({ signals: { count: 1, last: 15, stopped: true } }),
    ['kill signal=15', 'stop', 'die exitCode=3 execDuration=7'],
  ],
  [
    'an end by a signal sent by hand',
    state(),
    ended({ signals: { count: 1, last: 9, stopped: false } }),
    ['kill signal=9', 'die exitCode=3 execDuration=7'],
  ],
  ['an end for want of memory', state(), ended({ oomKilled: true }), ['oom', 'die exitCode=3 execDuration=7']],
  ['one killed for want of memory, while the first goes on', state(), state({ oomKilled: true }), ['oom']],
  ['a run whose start nobody saw', undefined, ended(), ['start', 'die exitCode=3 execDuration=7']],
  [
    'an end whose state was overwritten by the next start',
    state(),
    state({ finishedAt: at(8), exitCode: 3, startedAt: at(9), restartCount: 1 }),
    ['die exitCode=3 execDuration=7', 'start'],
  ],
  ['freezing', state(), state({ status: 'paused' }), ['pause']],
  ['thawing', state({ status: 'paused' }), state(), ['unpause']],
  [
    'a result of the checks',
    state({ health: 'starting' }),
    state({ health: 'healthy' }),
    ['health_status health=healthy'],
  ],
  [
    'each run of a check, in its time and before what came of it',
    state({ health: 'starting', healthLog: [probe(2, 0)] }),
    state({ health: 'unhealthy', healthLog: [probe(2, 0), probe(3, 4), probe(4, -1), probe(5, -1, TIMED_OUT)] }),
    [
      ...['exec_create', 'exec_start', 'exec_die exitCode=4'],
      ...['exec_create', 'exec_start'],
      ...['exec_create', 'exec_start', 'exec_die exitCode=137'],
      'health_status health=unhealthy',
    ],
  ],
  ['no result when checks begin', state({ health: 'none' }), state({ health: 'starting' }), []],
  [
    'no result when checks end with the container',
    state({ health: 'healthy' }),
    ended({ health: 'unhealthy' }),
    ['die exitCode=3 execDuration=7'],
  ],
])('%s', (_what, before, now, expected) => {
  const words = changesBetween(before, now).map(({ action, attributes: { exitCode, execDuration, signal, health } }) =>
    [
      action,
      exitCode && `exitCode=${exitCode}`,
      execDuration && `execDuration=${execDuration}`,
      signal && `signal=${signal}`,
      health && `health=${health}`,
    ]
      .filter(Boolean)
      .join(' '),
  );
  expect(words).toEqual(expected);
});

test('signals are read from the state file', () => {
  const text = (signals: string) =>
    `version 1\nid c\nsupervisor 1 1\nstatus running\npid 2 2\nexit_code 0\nfailing_streak 0\n${signals}`;
  expect(parseState(text('signals 2 15 1\n'))?.signals).toEqual({ count: 2, last: 15, stopped: true });
  expect(parseState(text(''))?.signals).toBeUndefined();
});
