/** What scripts/test says at its end. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const program = join(import.meta.dirname, '../helpers/sum-tallies.mjs');
const run = (...words: string[]) => execFileSync(process.execPath, [program, ...words], { encoding: 'utf8' });
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tcompose-tallies-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const put = (name: string, ...tallies: object[]) =>
  writeFileSync(join(folder, name), tallies.map((tally) => `${JSON.stringify(tally)}\n`).join(''));
const failing = (file: string) => ({ file, passed: 2, failed: 1 });

test('all layers and checks are counted, and what was skipped is named once', () => {
  const skipped = [{ name: 'a', reason: 'no kernel for it' }];
  put('unit', { passed: 3, failed: 0, skipped });
  put('kernel', { passed: 4, failed: 0, skipped }, { passed: 1, failed: 0, skipped: [] });
  expect(run(folder, '2', '0')).toBe('\n1 skipped:\n  a: no kernel for it\n\n10 passed, 0 failed\n');
});

test('one layer alone', () => {
  put('vm', { passed: 3, failed: 0, skipped: [] }, { passed: 1, failed: 2, skipped: [] });
  put('unit', { passed: 5, failed: 0, skipped: [] });
  expect(run(join(folder, 'vm'))).toBe('\n4 passed, 2 failed\n');
});

test('a file that failed and passed when it ran again counts as it ended, and is named', () => {
  put('kernel', { passed: 10, failed: 1, skipped: [], failing: [failing('a.test.ts')] });
  put('again', { passed: 3, failed: 0, skipped: [], failing: [] });
  expect(run(folder, '0', '0')).toMatch(/passed alone.*\n {2}a\.test\.ts\n\n11 passed, 0 failed\n$/);
});

test('one that failed twice has failed, and so has what was no test’s', () => {
  put(
    'kernel',
    { passed: 10, failed: 1, skipped: [], failing: [failing('a.test.ts')] },
    { passed: 0, failed: 1, skipped: [] },
  );
  put('again', { passed: 2, failed: 1, skipped: [], failing: [failing('a.test.ts')] });
  expect(run(folder, '0', '0')).toBe('\n10 passed, 2 failed\n');
});

test('a file of the fault layer never runs again, and what failed there has failed', () => {
  const failed = ['test/fault/a.test.ts', 'b.test.ts'].map(failing);
  put('kernel', { passed: 10, failed: 2, skipped: [], failing: failed });
  expect(run('--failed', join(folder, 'kernel'))).toBe('b.test.ts\n');
  put('again', { passed: 3, failed: 0, skipped: [], failing: [] });
  expect(run(folder, '0', '0')).toMatch(/\n11 passed, 1 failed\n$/);
});

test('a few files run again, many do not', () => {
  const tally = (count: number) => ({
    ...{ passed: 0, failed: count, skipped: [] },
    failing: Array.from({ length: count }, (_, i) => failing(`${i}.test.ts`)),
  });
  put('kernel', tally(2));
  expect(run('--failed', join(folder, 'kernel'), join(folder, 'none'))).toBe('0.test.ts\n1.test.ts\n');
  put('kernel', tally(6));
  expect(run('--failed', join(folder, 'kernel'))).toBe('');
});
