/** Containers live and end in control groups of version 1, of version 2, and of both: hosts made to have only the one or the other. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseCgroupFacts } from '../../../engine/container/resources/cgroup-facts.ts';

const facts = parseCgroupFacts(readFileSync('/proc/self/mountinfo', 'utf8'));
const CLAIMS =
  'a started one runs|it is asked politely|gives the program|a supervisor killed|half made and half removed';

/** The lifecycle's tests again, in mounts of their own. */
function lifecycleOn(script: string): string {
  const files = ['lifecycle', 'exec-and-damage'].map((name) => `test/kernel/container/${name}.test.ts`);
  const vitest = `exec npx vitest run --project kernel ${files.join(' ')} -t '${CLAIMS}'`;
  try {
    return execFileSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-ec', `${script}; ${vitest}`], {
      encoding: 'utf8',
      stdio: 'pipe',
      // Counted here, as one: what is left out by name there is not skipped.
      env: { ...process.env, TCOMPOSE_TALLY: '' },
    });
  } catch (error) {
    throw new Error(String((error as { stdout?: string }).stdout));
  }
}

test.skipIf(facts.unified === undefined)('version 2 alone', () => {
  expect(lifecycleOn('umount -l /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup')).toContain('5 passed');
});

test.skipIf(facts.mode !== 'hybrid')('version 1 alone', () => {
  expect(lifecycleOn(`umount ${facts.unified}`)).toContain('5 passed');
});
