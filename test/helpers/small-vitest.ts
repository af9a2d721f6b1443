/**
 * As much of vitest as the root tests use, for the virtual machine of scripts/in-vm: loading all of vitest takes minutes on an
 * emulated processor. The matchers are vitest's own. Results are printed as they come; the last line is the tally, as JSON.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect';
import { buildLauncher, buildProbe } from './build-probe.ts';
import { setup } from './private-host.ts';
import { slowness } from './slowness.ts';
import { busyboxTar } from './small-image.ts';
import type { Tally } from './tally-reporter.ts';

type Hook = () => unknown;
interface Context {
  skip(reason?: string): never;
}
type Body = (context: Context) => unknown;
interface Case {
  readonly title: string;
  readonly body: Body | undefined;
  readonly limitMs: number;
}
interface Suite {
  readonly name: string;
  readonly above: Suite | undefined;
  readonly beforeAll: Hook[];
  readonly afterAll: Hook[];
  readonly beforeEach: Body[];
  readonly afterEach: Body[];
  readonly members: (Suite | Case)[];
}
type Options = number | { readonly timeout?: number };

const LIMIT_MS = 120_000; // as vitest.config.ts has it for the root layers

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

/** Never writes: snapshots are made where vitest runs. */
chai.Assertion.addMethod('toMatchFileSnapshot', function (this: { _obj: unknown }, file: string) {
  const path = join(dirname(currentFile), file);
  const [now, before] = [String(this._obj), existsSync(path) ? readFileSync(path, 'utf8') : ''].map((text) =>
    text.split('\n'),
  ) as [string[], string[]];
  const without = (lines: string[], others: string[], sign: string) =>
    lines.filter((line) => !others.includes(line)).map((line) => sign + line);
  const differences = [...without(before, now, '- '), ...without(now, before, '+ ')];
  if (differences.length > 0) throw new Error(`${file} differs:\n${differences.join('\n')}`);
  chai.expect(now, file).to.deep.equal(before);
});

const newSuite = (name: string, above: Suite | undefined): Suite => ({
  ...{ name, above, members: [] },
  ...{ beforeAll: [], afterAll: [], beforeEach: [], afterEach: [] },
});
let current = newSuite('', undefined);
let currentFile = '';
let onFailure: Hook[] = [];

export const beforeAll = (hook: Hook) => current.beforeAll.push(hook);
export const afterAll = (hook: Hook) => current.afterAll.unshift(hook);
export const beforeEach = (hook: Body) => current.beforeEach.push(hook);
export const afterEach = (hook: Body) => current.afterEach.unshift(hook);
export const onTestFailed = (hook: Hook): void => void onFailure.push(hook);

const titled = (title: string, values: readonly unknown[]): string => {
  let next = 0;
  return title.replace(/%[sjid]/g, (kind) => (kind === '%j' ? JSON.stringify(values[next++]) : String(values[next++])));
};
const asRow = (row: unknown) => (Array.isArray(row) ? row : [row]) as never[];

/** `each` spreads a row over the arguments; `for` passes it as one, and the context after it. */
function withRows<Extra extends unknown[]>(
  add: (title: string, body: (context: Context) => unknown, ...extra: Extra) => void,
) {
  return {
    each:
      (rows: readonly unknown[]) =>
      (title: string, body: (...values: never[]) => unknown, ...extra: Extra): void => {
        for (const row of rows) add(titled(title, asRow(row)), () => body(...asRow(row)), ...extra);
      },
    for:
      (rows: readonly unknown[]) =>
      (title: string, body: (row: never, context: Context) => unknown, ...extra: Extra): void => {
        for (const row of rows) add(titled(title, asRow(row)), (context) => body(row as never, context), ...extra);
      },
  };
}

function addTest(title: string, second: Body | Options | undefined, third?: Body | Options): void {
  const [body, options] = typeof third === 'function' ? [third, second as Options] : [second as Body, third];
  const limitMs = typeof options === 'number' ? options : (options?.timeout ?? LIMIT_MS);
  current.members.push({ title, body, limitMs });
}
const addSkipped = (title: string) => addTest(title, undefined);
export const test = Object.assign(addTest, {
  ...withRows(addTest),
  skipIf: (no: unknown) => (no ? addSkipped : addTest),
  runIf: (yes: unknown) => (yes ? addTest : addSkipped),
});
export const it = test;

function addSuite(name: string, fill: (context: Context) => unknown): void {
  const above = current;
  current = newSuite(name, above);
  above.members.push(current);
  fill(context);
  current = above;
}

class Skipped extends Error {}
const context: Context = {
  skip: (reason = 'no reason given') => {
    throw new Skipped(reason);
  },
};
export const describe = Object.assign(addSuite, {
  ...withRows(addSuite),
  skipIf: (no: unknown) => (no ? (name: string) => addSkipped(name) : addSuite),
});

const tally = { passed: 0, failed: 0, skipped: [] as { name: string; reason: string }[] } satisfies Tally;
const say = (text: string) => process.stdout.write(`${text}\n`);

function failed(what: string, error: unknown): void {
  tally.failed += 1;
  say(`   × ${what}\n${(error as Error).stack ?? String(error)}`);
}

async function within<T>(limitMs: number, work: T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const ms = limitMs * slowness;
    timer = setTimeout(() => reject(new Error(`not done after ${ms} ms`)), ms);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const outermostFirst = (suite: Suite): Suite[] => [...(suite.above ? outermostFirst(suite.above) : []), suite];

async function runTest(suite: Suite, { title, body, limitMs }: Case): Promise<void> {
  const begun = performance.now();
  onFailure = [];
  const line = outermostFirst(suite);
  const fail = async (error: unknown) => {
    failed(title, error);
    for (const hook of onFailure) await hook();
  };
  let outcome: unknown;
  try {
    if (body === undefined) throw new Skipped('its condition does not hold here');
    for (const one of line) for (const hook of one.beforeEach) await within(LIMIT_MS, hook(context));
    await within(limitMs, body(context));
  } catch (error) {
    outcome = error;
  }
  try {
    if (body) for (const one of line.reverse()) for (const hook of one.afterEach) await within(LIMIT_MS, hook(context));
  } catch (error) {
    outcome ??= error;
  }
  if (outcome === undefined) {
    tally.passed += 1;
    say(`   ✓ ${title} ${Math.round(performance.now() - begun)} ms`);
  } else if (outcome instanceof Skipped) {
    tally.skipped.push({ name: `in the virtual machine: ${title}`, reason: outcome.message });
    say(`   ↓ ${title}: ${outcome.message}`);
  } else await fail(outcome);
}

async function runSuite(suite: Suite): Promise<void> {
  if (suite.name) say(` ${suite.name}`);
  try {
    const begun = performance.now();
    for (const hook of suite.beforeAll) await within(LIMIT_MS, hook());
    if (suite.beforeAll.length > 0) say(`   set up in ${Math.round(performance.now() - begun)} ms`);
    for (const member of suite.members) {
      if ('title' in member) await runTest(suite, member);
      else await runSuite(member);
    }
  } catch (error) {
    failed(`before the tests of ${suite.name}`, error);
  }
  for (const hook of suite.afterAll) {
    try {
      await within(LIMIT_MS, hook());
    } catch (error) {
      failed(`after the tests of ${suite.name}`, error);
    }
  }
}

/** What is compiled or packed once is made outside, where it is quick and is kept. */
export async function prepare(): Promise<void> {
  for (const name of ['probe', 'isolation-probe', 'without-syscall']) buildProbe(name);
  buildLauncher();
  buildLauncher({ sanitized: true });
  await busyboxTar();
}

/** `files`: path → import. One after the other; the exit code is 1 when any test failed or something was left on the host. */
export async function runFiles(files: Readonly<Record<string, () => Promise<unknown>>>): Promise<void> {
  process.on('uncaughtException', (error) => failed('an error that nobody caught', error));
  const teardown = await setup();
  for (const [name, load] of Object.entries(files)) {
    const begun = performance.now();
    current = newSuite(name, undefined);
    currentFile = name;
    const suite = current;
    try {
      await load();
      await runSuite(suite);
    } catch (error) {
      failed(`loading ${name}`, error);
    }
    say(`   ${Math.round((performance.now() - begun) / 1000)} s`);
  }
  await teardown().catch((error) => failed('what the tests left', error));
  say(`tally: ${JSON.stringify(tally)}`);
  process.exit(tally.failed > 0 ? 1 : 0);
}
