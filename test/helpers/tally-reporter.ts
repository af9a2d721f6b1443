/** Prints why tests were skipped, and appends what a run came to as one line of JSON, for scripts/test to sum up. */
import { appendFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
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
  const failedTests = results.filter(({ result }) => result.state === 'failed').length;
  // A file that cannot be imported, or whose hooks fail, has no failed test to show for it.
  const failedModules = modules.filter(
    (module) => !module.ok() && ![...module.children.allTests()].some((test) => test.result().state === 'failed'),
  ).length;
  return {
    passed: results.filter(({ result }) => result.state === 'passed').length,
    failed: failedTests + failedModules + unhandled.length,
    // Tests of a file whose set-up failed count as skipped, too: that failure is counted, and is their reason.
    skipped: results.flatMap(({ name, result, file }) =>
      result.state === 'skipped'
        ? [{ name, reason: result.note ?? (file.ok() ? 'no reason given' : 'the set-up of its file failed') }]
        : [],
    ),
  };
}
