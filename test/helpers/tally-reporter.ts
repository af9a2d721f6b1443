/** Prints why tests were skipped, and appends what a run came to as one line of JSON, for scripts/test to sum up. */
import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** Files with failures, and what of the counts is theirs; absent where they are not counted one by one. */
  readonly failing?: readonly { readonly file: string; readonly passed: number; readonly failed: number }[];
}

export function tallyReporter(file: string | undefined): Reporter {
  return {
    onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]) {
      const tally = tallyOf(modules, unhandled);
      for (const { name, reason } of tally.skipped) console.log(`skipped: ${name}\n         ${reason}`);
      if (file) appendFileSync(file, `${JSON.stringify(tally)}\n`);
    },
  };
}

function tallyOf(modules: readonly TestModule[], unhandled: readonly SerializedError[]): Tally {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const results = tests.map((test) => ({ name: test.fullName, result: test.result(), file: test.module }));
  const files = modules.map((module) => ({
    file: relative(process.cwd(), module.moduleId),
    passed: countOf(module, 'passed'),
    // A file that cannot be imported, or whose hooks fail, has no failed test to show for it.
    failed: countOf(module, 'failed') || (module.ok() ? 0 : 1),
  }));
  const total = (key: 'passed' | 'failed') => files.reduce((sum, file) => sum + file[key], 0);
  return {
    passed: total('passed'),
    failed: total('failed') + unhandled.length,
    // Tests of a file whose set-up failed count as skipped, too: that failure is counted, and is their reason.
    skipped: results.flatMap(({ name, result, file }) =>
      result.state === 'skipped'
        ? [{ name, reason: result.note ?? (file.ok() ? 'no reason given' : 'the set-up of its file failed') }]
        : [],
    ),
    failing: files.filter(({ failed }) => failed > 0),
  };
}

const countOf = (module: TestModule, state: 'passed' | 'failed'): number =>
  [...module.children.allTests()].filter((test) => test.result().state === state).length;
