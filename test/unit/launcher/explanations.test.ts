/** Two numbers become a sentence that says what was tried, why it failed and what to do. */
import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { explain } from '../../../engine/launcher/explanations.ts';
import { LaunchError } from '../../../engine/launcher/launcher.ts';
import { ALL_SAMPLES, SAMPLE_OPS } from './sample-ops.ts';

const failure = (errno: keyof typeof constants.errno, section: 'start' | 'setup' | 'supervisor' = 'start') => ({
  section,
  index: 2,
  errno: constants.errno[errno],
});

describe('explanations', () => {
  test.each(ALL_SAMPLES.map((op) => [op.op, op] as const))('%s has a sentence of its own', (_name, op) => {
    const { message } = explain(failure('EIO'), op);
    expect(message).toMatch(/^cannot [a-z].*: input\/output error \(EIO\)$/);
    expect(message).not.toContain('undefined');
  });

  test('a program that is missing reads as tools expect it', () => {
    const { message, help } = explain(failure('ENOENT'), SAMPLE_OPS.exec);
    expect(message).toContain('cannot run "a": executable file not found in $PATH');
    expect(help).toContain('check the command');
  });

  test('without the operation, the place is named', () => {
    expect(explain(failure('EPERM', 'setup'), undefined).message).toBe(
      'cannot prepare the container (operation 2): operation not permitted (EPERM)',
    );
    expect(explain(failure('ENOSPC', 'supervisor'), undefined).message).toContain('cannot open the log file');
  });

  test('long values are cut', () => {
    const { message } = explain(failure('EIO'), { op: 'write', path: '/p', data: 'x'.repeat(500) });
    expect(message.length).toBeLessThan(120);
  });

  test('an error carries the numbers and the operation', () => {
    const error = new LaunchError(failure('EACCES'), SAMPLE_OPS.exec);
    expect(error).toMatchObject({ code: 'launch-failed', section: 'start', index: 2, errno: 13, op: SAMPLE_OPS.exec });
    expect(error.message).toContain('permission denied');
  });
});
