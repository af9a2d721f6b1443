/** The example of library use is a test itself, and passes. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from '../../helpers/run-program.ts';
import { TOP, useStack } from '../../helpers/tcompose.ts';

const stack = useStack({ image: 'base' });

test('a test file of node:test starts a Redis, speaks to it, and leaves nothing', async () => {
  const file = join(TOP, 'examples/library/redis.test.mjs');
  const { code, stdout, stderr } = await runProgram([process.execPath, '--test', file], { env: stack.instance.env });
  expect([code, stdout + stderr]).toEqual([0, expect.stringMatching(/^# pass 3$/m)]);
  expect((await stack.must('ls', '-a', '-q')).trim()).toBe('');
});
