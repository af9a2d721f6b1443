/** The vocabulary of the scenarios: what can be observed of a stack from outside, each under one name. */
import { expect } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { type ProgramResult, runProgram } from '../helpers/run-program.ts';
import type { Stack } from '../helpers/tcompose.ts';

/** The private host's own address, and how its neighbour `outside` sees it. */
export const HOST = '198.51.100.2';

/** One line of `ps --format json`. */
export interface Row {
  readonly ID: string;
  readonly Name: string;
  readonly Service: string;
  readonly State: string;
  readonly Health: string;
  readonly ExitCode: number;
  readonly Pid: number;
  readonly Publishers: readonly { readonly PublishedPort: number; readonly TargetPort: number }[];
}

/** Containers by service; the stopped ones too. */
export async function containers(stack: Stack): Promise<Record<string, Row>> {
  const rows = (await stack.must('ps', '-a', '--format', 'json')).split('\n').filter(Boolean);
  return Object.fromEntries(rows.map((line) => JSON.parse(line) as Row).map((row) => [row.Service, row]));
}

/** What an unchanged stack keeps: a container that was replaced or restarted has another id or process. */
export async function identities(stack: Stack): Promise<Record<string, string>> {
  const rows = Object.values(await containers(stack));
  return Object.fromEntries(rows.map((row) => [row.Service, `${row.ID} ${row.Pid}`]));
}

/** `container.repair shop-web-1`, with its reasons' texts. */
export async function plannedSteps(stack: Stack, ...argv: string[]): Promise<{ id: string; because: string }[]> {
  const plan = JSON.parse(await stack.must('plan', '--format', 'json', ...argv)) as {
    steps: { id: string; because: { code: string; text?: string; field?: string }[] }[];
  };
  return plan.steps.map(({ id, because }) => ({
    id,
    because: because.map(({ text, field, code }) => text ?? field ?? code).join('; '),
  }));
}

export async function nothingToChange(stack: Stack): Promise<void> {
  expect(await plannedSteps(stack)).toEqual([]);
  expect((await stack.run('plan', '--exit-code')).code).toBe(0);
}

/** The body of a page. `from` is whose eyes: this host's, or the neighbour's. */
export async function page(url: string, from: 'host' | 'outside' = 'host'): Promise<string> {
  const seenFrom = from === 'outside' ? ['ip', 'netns', 'exec', 'outside'] : [];
  const result = await runProgram([...seenFrom, 'curl', '-sS', '--fail', '--max-time', '5', url]);
  if (result.code !== 0) throw new Error(`${url} seen from ${from}: ${result.stderr.trim()}`);
  return result.stdout;
}

export const pageEventually = (url: string, from: 'host' | 'outside' = 'host') =>
  eventually(() => page(url, from), 15_000);

/** Nothing answers: refused, dropped or rejected. */
export async function notReachable(url: string, from: 'host' | 'outside' = 'host'): Promise<void> {
  const seenFrom = from === 'outside' ? ['ip', 'netns', 'exec', 'outside'] : [];
  const result = await runProgram([...seenFrom, 'curl', '-sS', '--max-time', '2', url]);
  expect(result.code, `${url} must not answer to ${from}, but said: ${result.stdout}`).not.toBe(0);
}

/** A command in a running container; its standard output without the last newline. */
export async function inside(stack: Stack, service: string, ...argv: string[]): Promise<string> {
  return (await stack.must('exec', '-T', service, ...argv)).trimEnd();
}

export interface Failure {
  readonly code: number;
  /** Each must be in what was printed to standard error. */
  readonly says: readonly (string | RegExp)[];
}

/** One message that says what, where and what to do, and the exit code of the documentation; never a stack. */
export function fails(result: ProgramResult, { code, says }: Failure): void {
  expect(result.stderr, result.command).toMatch(/^error(\[[a-z0-9-]+\])?: /m);
  for (const words of says) expect(result.stderr).toMatch(words);
  expect(result.stderr, 'no stack, and no talk of bugs').not.toMatch(/^\s+at .*\(|this is a bug/m);
  expect(result.code, result.stderr).toBe(code);
}
