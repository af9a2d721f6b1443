/** The supervisor's state file, as text. */
import { describe, expect, test } from 'vitest';
import { parseState } from '../../../engine/supervise/state-file.ts';

const text = `version 1
id abc
supervisor 10 2000
status running
pid 12 2001
started_at 2026-01-02T03:04:05.6Z
exit_code 0
oom_killed 0
restart_count 2
health unhealthy
failing_streak 3
health_log 2026-01-02T03:04:06Z 2026-01-02T03:04:07Z 1 bsO2IG5vCg==
health_log 2026-01-02T03:04:08Z 2026-01-02T03:04:09Z -1 
`;

describe('a state file', () => {
  test('is read whole', () => {
    expect(parseState(text)).toEqual({
      id: 'abc',
      supervisor: { pid: 10, startTime: '2000' },
      status: 'running',
      init: { pid: 12, startTime: '2001' },
      startedAt: '2026-01-02T03:04:05.6Z',
      exitCode: 0,
      oomKilled: false,
      restartCount: 2,
      health: 'unhealthy',
      failingStreak: 3,
      healthLog: [
        { start: '2026-01-02T03:04:06Z', end: '2026-01-02T03:04:07Z', exitCode: 1, output: 'nö no\n' },
        { start: '2026-01-02T03:04:08Z', end: '2026-01-02T03:04:09Z', exitCode: -1, output: '' },
      ],
    });
  });

  test('tells a failed start by section, operation and errno', () => {
    expect(parseState(`${text}error 2 9 13\n`)?.error).toEqual({ section: 'start', index: 9, errno: 13 });
  });

  test.each([
    ['empty', ''],
    ['cut in a line', text.slice(0, 100)],
    ['cut after a line', text.slice(0, text.indexOf('restart_count'))],
    ['of another version', text.replace('version 1', 'version 2')],
  ])('that is %s is no state', (_what, broken) => {
    expect(parseState(broken)).toBeUndefined();
  });
});
