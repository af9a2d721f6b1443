/** Reading logs: tail, time, long lines, rotation, following. Real files, since that is all there is to it. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readLogs } from '../../../engine/logs/read.ts';
import type { LogOptions } from '../../../src/model/engine.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'logs-'));
  path = join(folder, 'log', 'x-json.log');
  mkdirSync(join(folder, 'log'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

let second = 0;
const record = (log: string, stream = 'stdout') =>
  `${JSON.stringify({ log, stream, time: new Date(Date.UTC(2026, 0, 1, 0, 0, second++)).toISOString() })}\n`;
const write = (...lines: string[]) => appendFileSync(path, lines.join(''));
const rotate = (files: number) => {
  for (let age = files - 1; age >= 1; age--) {
    try {
      renameSync(age === 1 ? path : `${path}.${age - 1}`, `${path}.${age}`);
    } catch {
      // Not that many yet.
    }
  }
};

/** What of the folder this process has open. */
const heldOpen = (): string[] =>
  readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // the one that listed them
      }
    })
    .filter((target) => target.startsWith(folder));

async function read(options: Partial<LogOptions> = {}): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLogs(path, { follow: false, ...options })) lines.push(line.text.toString());
  return lines;
}

test('nothing was printed yet: no lines and no error', async () => {
  expect(await read()).toEqual([]);
});

test('rotated files come before the one that is written to', async () => {
  write(record('a\n'));
  rotate(3);
  write(record('b\n'));
  rotate(3);
  write(record('c\n'), record('d\n'));
  expect(await read()).toEqual(['a', 'b', 'c', 'd']);
  expect(await read({ tail: 3 })).toEqual(['b', 'c', 'd']);
  expect(await read({ tail: 0 })).toEqual([]);
  expect(await read({ tail: 99 })).toEqual(['a', 'b', 'c', 'd']);
});

test('last words without a newline are a line of the tail, as long as they may be', async () => {
  write(record('a\n'), record('b\n', 'stderr'), record('x'.repeat(16384)), record('y'));
  expect(await read({ tail: 0 })).toEqual([]);
  expect(await read({ tail: 1 })).toEqual([`${'x'.repeat(16384)}y`]);
  expect(await read({ tail: 2 })).toEqual(['b', `${'x'.repeat(16384)}y`]);
});

test('the tail of a log much larger than a block is found', async () => {
  write(...Array.from({ length: 3000 }, (_, index) => record(`${'x'.repeat(100)} ${index}\n`)));
  const lines = await read({ tail: 1500 });
  expect(lines).toHaveLength(1500);
  expect(lines[0]).toMatch(/ 1500$/);
  expect(lines.at(-1)).toMatch(/ 2999$/);
});

test('pieces of a long line are one line, streams apart', async () => {
  write(record('one\n'), record('left '), record('err\n', 'stderr'), record('right\n'), record('open'));
  expect(await read()).toEqual(['one', 'err', 'left right', 'open']);
});

test('since and until choose by time', async () => {
  second = 0;
  write(record('a\n'), record('b\n'), record('c\n'));
  const at = (seconds: number) => Date.UTC(2026, 0, 1, 0, 0, seconds);
  expect(await read({ sinceMs: at(1) })).toEqual(['b', 'c']);
  expect(await read({ untilMs: at(1) })).toEqual(['a', 'b']);
});

test('a line torn by a crash is passed over', async () => {
  write(record('a\n'), '{"log":"half', '\n', record('b\n'));
  expect(await read()).toEqual(['a', 'b']);
});

test('following goes on over several rotations and ends with the folder', async () => {
  write(record('0\n'));
  const seen: string[] = [];
  const following = (async () => {
    for await (const line of readLogs(path, { follow: true })) seen.push(line.text.toString());
  })();
  const until = async (count: number) => {
    while (seen.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await until(1);
  write(record('1\n'));
  rotate(4);
  write(record('2\n'));
  rotate(4);
  write(record('3\n').slice(0, 20));
  await until(3);
  rmSync(join(folder, 'log'), { recursive: true });
  await following;
  expect(seen).toEqual(['0', '1', '2']);
});

test('following ends with the folder also when its file went some time before', async () => {
  write(record('0\n'));
  const lines = readLogs(path, { follow: true });
  await lines.next();
  const end = lines.next();
  unlinkSync(path);
  // Long enough for that to be noticed alone: what wakes the reader after it can only be the folder's own end.
  await new Promise((resolve) => setTimeout(resolve, 50));
  rmdirSync(join(folder, 'log'));
  expect((await end).done).toBe(true);
});

test('who stops reading in the middle leaves no file open', async () => {
  second = 0;
  write(record('a\n'), record('b\n'));
  rotate(4);
  write(record('c\n'));
  expect(await read({ untilMs: Date.UTC(2026, 0, 1) })).toEqual(['a']);
  expect(heldOpen()).toEqual([]);
});

test('who does not go on reading holds a bounded number of removed files open, so that the disk is not filled', async () => {
  write(record('0\n'));
  const lines = readLogs(path, { follow: true });
  await lines.next();
  for (let line = 1; line <= 215; line++) {
    rotate(2);
    write(record(`${line}\n`));
    // Each is opened as it comes, until there are enough.
    const end = performance.now() + 50;
    while (heldOpen().length <= line && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(heldOpen().length).toBeGreaterThan(100);
  // 200, and for a moment the one that is being looked at.
  expect(heldOpen().length).toBeLessThanOrEqual(202);
  await lines.return(undefined);
  expect(heldOpen()).toEqual([]);
});

test('following a log that does not exist yet sees its first line; an abort ends it', async () => {
  const abort = new AbortController();
  const lines = readLogs(path, { follow: true }, abort.signal);
  const first = lines.next();
  write(record('hello\n'));
  expect((await first).value?.text.toString()).toBe('hello');
  const rest = lines.next();
  abort.abort();
  expect((await rest).done).toBe(true);
});

test('with a single file the reader is not lost when it is replaced', async () => {
  write(record('a\n'));
  const abort = new AbortController();
  const lines = readLogs(path, { follow: true }, abort.signal);
  expect((await lines.next()).value?.text.toString()).toBe('a');
  const next = lines.next();
  write(record('b\n'));
  expect((await next).value?.text.toString()).toBe('b');
  unlinkSync(path);
  write(record('c\n'));
  expect((await lines.next()).value?.text.toString()).toBe('c');
  abort.abort();
});

test('a follower loses and doubles nothing, whatever it is doing when files are renamed', async () => {
  write(record('0\n'));
  const seen: string[] = [];
  const following = (async () => {
    for await (const line of readLogs(path, { follow: true })) seen.push(line.text.toString());
  })();
  const last = 1500;
  for (let line = 1; line <= last; line++) {
    // Now and then the follower may do a little, at moments that differ.
    if (line % 3 === 0) for (let turns = line % 7; turns > 0; turns--) await new Promise(setImmediate);
    if (line % 5 === 0) rotate(8);
    write(record(`${line}\n`));
    // Never further ahead than files are kept.
    while (line - seen.length > 20) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  while (seen.at(-1) !== String(last)) await new Promise((resolve) => setTimeout(resolve, 5));
  rmSync(join(folder, 'log'), { recursive: true });
  await following;
  expect(seen).toEqual(Array.from({ length: last + 1 }, (_, line) => String(line)));
});
