/**
 * As much of vitest as the kernel tests use, for the virtual machine of scripts/in-vm: loading all of vitest takes minutes on an
 * emulated processor. The matchers are vitest's own.
 */
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect';

type Hook = () => unknown;
interface Context {
  skip(reason?: string): never;
}
type Body = (context: Context) => unknown;
interface Suite {
  readonly name: string;
  readonly above: Suite | undefined;
  readonly beforeAll: Hook[];
  readonly afterAll: Hook[];
  readonly beforeEach: Hook[];
  readonly afterEach: Hook[];
  readonly members: (Suite | { readonly title: string; readonly body: Body | undefined })[];
}

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);
const plainExpect = (value: unknown, message?: string) => chai.expect(value, message);
export const expect = Object.assign(
  plainExpect,
  chai.expect,
  (globalThis as unknown as Record<symbol, object>)[ASYMMETRIC_MATCHERS_OBJECT as never],
);
setState({ assertionCalls: 0, isExpectingAssertions: false, expectedAssertionsNumber: null } as never, expect as never);

const newSuite = (name: string, above: Suite | undefined): Suite => ({
  ...{ name, above, members: [] },
  ...{ beforeAll: [], afterAll: [], beforeEach: [], afterEach: [] },
});
let current = newSuite('', undefined);

export const beforeAll = (hook: Hook) => current.beforeAll.push(hook);
export const afterAll = (hook: Hook) => current.afterAll.unshift(hook);
export const beforeEach = (hook: Hook) => current.beforeEach.push(hook);
export const afterEach = (hook: Hook) => current.afterEach.unshift(hook);
export const onTestFailed = (): void => undefined;

const withEach =
  (add: (title: string, body: (...values: never[]) => unknown) => void) =>
  (rows: readonly unknown[]) =>
  (title: string, body: (...values: never[]) => unknown): void => {
    for (const row of rows) {
      const values = (Array.isArray(row) ? row : [row]) as never[];
      let next = 0;
      add(
        title.replace(/%[sji]/g, () => String(values[next++])),
        () => body(...values),
      );
    }
  };

const addTest = (title: string, body: Body | undefined) => void current.members.push({ title, body });
const addSkipped = (title: string) => addTest(title, undefined);
export const test = Object.assign(addTest, {
  each: withEach((title, body) => addTest(title, body as Body)),
  skipIf: (no: unknown) => (no ? addSkipped : addTest),
  runIf: (yes: unknown) => (yes ? addTest : addSkipped),
});
export const it = test;

function addSuite(name: string, fill: Hook): void {
  const above = current;
  current = newSuite(name, above);
  above.members.push(current);
  fill();
  current = above;
}
export const describe = Object.assign(addSuite, {
  each: withEach((name, fill) => addSuite(name, fill as Hook)),
  skipIf: (no: unknown) => (no ? (name: string) => addSkipped(name) : addSuite),
});

class Skipped extends Error {}
const context: Context = {
  skip: (reason = '') => {
    throw new Skipped(reason);
  },
};
const counts = { passed: 0, failed: 0, skipped: 0 };
const say = (text: string) => process.stdout.write(`${text}\n`);

function failed(what: string, error: unknown): void {
  counts.failed += 1;
  say(`   × ${what}\n${(error as Error).stack ?? String(error)}`);
}

async function runTest(suite: Suite, title: string, body: Body | undefined): Promise<void> {
  const begun = performance.now();
  const line: Suite[] = [];
  for (let one: Suite | undefined = suite; one; one = one.above) line.unshift(one);
  try {
    if (body === undefined) throw new Skipped('not here');
    for (const one of line) for (const hook of one.beforeEach) await hook();
    await body(context);
    for (const one of line.reverse()) for (const hook of one.afterEach) await hook();
    counts.passed += 1;
    say(`   ✓ ${title} ${Math.round(performance.now() - begun)} ms`);
  } catch (error) {
    if (!(error instanceof Skipped)) return failed(title, error);
    counts.skipped += 1;
    say(`   ↓ ${title}: ${error.message}`);
  }
}

async function runSuite(suite: Suite): Promise<void> {
  if (suite.name) say(` ${suite.name}`);
  try {
    for (const hook of suite.beforeAll) await hook();
    for (const member of suite.members) {
      if ('title' in member) await runTest(suite, member.title, member.body);
      else await runSuite(member);
    }
  } catch (error) {
    failed(`before the tests of ${suite.name}`, error);
  }
  for (const hook of suite.afterAll) {
    try {
      await hook();
    } catch (error) {
      failed(`after the tests of ${suite.name}`, error);
    }
  }
}

/** One file after the other; the last line says how many passed. The exit code is 1 when any failed. */
export async function runFiles(files: Readonly<Record<string, () => Promise<unknown>>>): Promise<void> {
  for (const [name, load] of Object.entries(files)) {
    current = newSuite(name, undefined);
    const suite = current;
    await load();
    await runSuite(suite);
  }
  say(`in the virtual machine: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exit(counts.failed > 0 ? 1 : 0);
}
