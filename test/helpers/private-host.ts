/** Global set-up of the root layers: refuses to run on a real machine, and fails the run when the tests left anything. */
import { eventually } from './eventually.ts';
import { describeChanges, readHostFacts } from './host-facts.ts';
import { requirePrivateHost } from './instance.ts';

export async function setup(): Promise<() => Promise<void>> {
  requirePrivateHost();
  const before = await readHostFacts();
  return async () => {
    try {
      await eventually(async () => {
        const left = describeChanges(before, await readHostFacts());
        if (left.length > 0) throw new Error(`the tests left this behind on the host:\n  ${left.join('\n  ')}`);
      }, 3_000);
    } catch (error) {
      process.exitCode = 1; // Vitest only prints what a global teardown throws.
      throw error;
    }
  };
}
