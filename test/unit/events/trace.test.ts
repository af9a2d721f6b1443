/** The trace of a container: what is appended is read once, also across the change of files; what is not whole waits. */
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { newExec, TraceReader, traceRestart } from '../../../engine/events/trace.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'trace-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

function readerOf(path: string): TraceReader {
  const reader = new TraceReader(path);
  onTestFinished(() => reader.close());
  return reader;
}

const words = (reader: TraceReader) =>
  reader.read().map(({ action, attributes: { command, exitCode } }) => [action, command ?? exitCode].join(' '));

test('what is run is told with its words, and its end when the launcher has said so', () => {
  const run = folder();
  const reader = readerOf(run);
  expect(words(reader)).toEqual([]);
  const id = basename(newExec(run, ['sh', '-c', 'say "it"\nagain'])).replace('exec-', '');
  expect(words(reader)).toEqual(['exec_create sh -c say "it"\nagain', 'exec_start sh -c say "it"\nagain']);
  appendFileSync(join(run, 'trace'), `died ${id} 2026-01-31T12:00:00.1`);
  expect(words(reader), 'half a line').toEqual([]);
  appendFileSync(join(run, 'trace'), '23456789Z 3\nsomething else\n');
  expect(words(reader)).toEqual(['exec_die 3']);
  traceRestart(run);
  expect(words(reader)).toEqual(['restart ']);
});

test('it stays small, and a reader that is slower than a change of files misses nothing of what is kept', () => {
  const run = folder();
  const follower = readerOf(run);
  const told: string[] = [];
  for (let i = 0; i < 300; i++) {
    newExec(run, ['x'.repeat(2000), `${i}`]);
    if (i % 50 === 49) told.push(...words(follower).filter((word) => word.startsWith('exec_start')));
  }
  expect(told).toHaveLength(300);
  expect(readdirSync(run).sort()).toEqual(['trace', 'trace.old']);
  const late = words(readerOf(run)).length / 2;
  expect(late).toBeGreaterThan(60);
  expect(late).toBeLessThan(150);
});

test('without a folder nothing is traced, and nothing fails', () => {
  expect(newExec('/nowhere/at-all', ['x'])).toMatch(/^\/nowhere\/at-all\/exec-[0-9a-f]{16}$/);
  expect(words(readerOf('/nowhere/at-all'))).toEqual([]);
});
