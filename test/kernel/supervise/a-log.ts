/** What a supervisor is told of a log that goes to a server. */
import { planLog } from '../../../engine/logs/plan.ts';
import type { LogSpec } from '../../../engine/supervise/spec.ts';

type Printed = Parameters<typeof planLog>[0]['container'];

/** Nothing of it is kept here. The container is called `one`, its host `north`. */
export const logTo = (
  driver: 'syslog' | 'journald',
  options: Readonly<Record<string, string>>,
  container: Partial<Printed> = {},
): Promise<LogSpec> =>
  planLog(
    {
      id: 'f'.repeat(64),
      hostname: 'north',
      container: {
        name: 'one',
        labels: {},
        env: {},
        argv: ['x'],
        image: { ref: 'i', id: 'sha256:1' },
        log: { driver, options: { 'cache-disabled': 'true', ...options } },
        ...container,
      },
    },
    '',
  );
