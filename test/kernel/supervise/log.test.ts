/** The log file, byte for byte as Docker's json-file driver writes it. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../helpers/eventually.ts';
import { slowness } from '../../helpers/slowness.ts';
import { CLONE, LAUNCHERS, openWorkshop, startContainer, type Workshop } from '../launcher/probe-container.ts';

/** umount2(2): a supervisor that has told of the end may still hold its log for a moment. */
const MNT_DETACH = 2;

const KIB_16 = 16384;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z$/;

/** Pids of what was started from a folder. */
const programsIn = (root: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(root);
    } catch {
      return false; // It ended meanwhile.
    }
  });

describe.each(LAUNCHERS)('the log %s', (_which, binary) => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop(binary());
  });
  afterAll(() => workshop.close());

  const logOf = async (commands: string[][], changes = {}) => {
    const container = await startContainer(workshop, commands, changes);
    await container.ended();
    return { container, text: readFileSync(container.logPath, 'utf8'), lines: container.log() };
  };
  const hex = (text: string | Buffer) => ['hex', Buffer.from(text).toString('hex')];

  test('a line is one object with keys in order, and a time with nanoseconds in UTC', async () => {
    const { text, container } = await logOf([['echo', 'hello']]);
    expect(text).toMatch(/^\{"log":"hello\\n","stream":"stdout","time":"[^"]+Z"\}\n$/);
    expect(container.log()[0]!.time).toMatch(TIME);
    expect(statSync(container.logPath).mode & 0o777).toBe(0o640);
  });

  test('standard error is told apart', async () => {
    const { lines } = await logOf([
      ['error', 'oops'],
      ['echo', 'fine'],
    ]);
    expect(lines.map(({ log, stream }) => [stream, log]).sort()).toEqual([
      ['stderr', 'oops\n'],
      ['stdout', 'fine\n'],
    ]);
  });

  test('an empty line is a line, and a rest without newline is kept as it is', async () => {
    const { lines } = await logOf([hex('\n\nrest')]);
    expect(lines.map(({ log }) => log)).toEqual(['\n', '\n', 'rest']);
  });

  test('escapes are those of Docker, and nothing else is escaped', async () => {
    const { text } = await logOf([hex('a\\b"c\rd\te\x01f\x7fg<h>i&j\u2028k\u2029l é 漢 🐋\n')]);
    expect(text.slice(0, text.indexOf('","stream"'))).toBe(
      String.raw`{"log":"a\\b\"c\rd\u0009e\u0001f` +
        '\x7f' +
        String.raw`g\u003ch\u003ei\u0026j\u2028k\u2029l é 漢 🐋\n`,
    );
  });

  test.each([
    ['a lone continuation', [0x80], 1],
    ['an overlong form', [0xc0, 0xaf], 2],
    ['a surrogate', [0xed, 0xa0, 0x80], 3],
    ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80], 4],
    ['a character cut short', [0xe6, 0xbc, 0x61], 2],
  ])('invalid UTF-8 (%s) becomes a replacement for each byte', async (_what, bytes, replacements) => {
    const { lines } = await logOf([hex(Buffer.from([...bytes, 0x0a]))]);
    expect([...lines[0]!.log].filter((character) => character === '\ufffd')).toHaveLength(replacements);
    expect(lines[0]!.log.endsWith('\n')).toBe(true);
  });

  test('a long line comes in pieces of 16 KiB that share a time; only the last has a newline', async () => {
    const { lines } = await logOf([
      ['repeat', 'x', `${2 * KIB_16 + 100}`],
      ['echo', 'end'],
      ['echo', 'next'],
    ]);
    expect(lines.map(({ log }) => log.length)).toEqual([KIB_16, KIB_16, 104, 5]);
    expect(lines.map(({ log }) => log.endsWith('\n'))).toEqual([false, false, true, true]);
    const times = lines.map(({ time }) => time);
    expect(new Set(times.slice(0, 3)).size).toBe(1);
    expect(times[3]).not.toBe(times[0]);
  });

  test('a line of exactly 16 KiB is a piece and an empty end', async () => {
    const { lines } = await logOf([
      ['repeat', 'x', `${KIB_16}`],
      ['sleep', '50'],
      ['echo', ''],
    ]);
    expect(lines.map(({ log }) => log.length)).toEqual([KIB_16, 1]);
  });

  test('a line in pieces of time is one line, with the time of its end', async () => {
    const { lines } = await logOf([
      ['print', 'a'],
      ['sleep', '30'],
      ['print', 'b'],
      ['sleep', '30'],
      ['echo', 'c'],
    ]);
    expect(lines.map(({ log }) => log)).toEqual(['abc\n']);
  });

  test('rotates before a line when the file has reached its size, and keeps so many files', async () => {
    const commands = Array.from({ length: 40 }, (_, i) => ['echo', `line ${String(i).padStart(2, '0')}`]);
    const { container } = await logOf(commands, (root: string) => ({
      log: {
        file: { path: `${dirname(root)}/log/json.log`, maxBytes: 300, maxFiles: 3, compress: false, attributes: '' },
      },
    }));
    const folder = dirname(container.logPath);
    expect(readdirSync(folder).sort()).toEqual(['json.log', 'json.log.1', 'json.log.2']);
    const read = (name: string) => readFileSync(`${folder}/${name}`, 'utf8');
    const all = ['json.log.2', 'json.log.1', 'json.log'].map(read).join('');
    const kept = all
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).log.trim());
    expect(kept.at(-1)).toBe('line 39');
    expect(kept).toEqual(
      Array.from({ length: kept.length }, (_, i) => `line ${String(40 - kept.length + i).padStart(2, '0')}`),
    );
    for (const name of ['json.log.1', 'json.log.2']) expect(read(name).length).toBeGreaterThanOrEqual(300);
    for (const name of ['json.log.1', 'json.log.2']) expect(read(name).length).toBeLessThan(300 + 100);
  });

  test('one file alone is replaced, not emptied: a reader keeps what it has opened', async () => {
    const { container } = await logOf(
      Array.from({ length: 20 }, (_, i) => ['echo', `line ${i}`]),
      (root: string) => ({
        log: {
          file: { path: `${dirname(root)}/log/json.log`, maxBytes: 300, maxFiles: 1, compress: false, attributes: '' },
        },
      }),
    );
    expect(readdirSync(dirname(container.logPath))).toEqual(['json.log']);
    expect(container.log().at(-1)!.log).toBe('line 19\n');
    expect(statSync(container.logPath).size).toBeLessThan(400);
  });

  test('a restart goes on in the same file', async () => {
    const container = await startContainer(
      workshop,
      [
        ['echo', 'run'],
        ['exit', '1'],
      ],
      {
        restart: { policy: 'on-failure', maxRetries: 2 },
      },
    );
    await container.ended();
    expect(container.log().map(({ log }) => log)).toEqual(['run\n', 'run\n', 'run\n']);
  });

  test('what others hold open after the end is waited for two seconds, as Docker does', async () => {
    // Without a process namespace of its own its child outlives it.
    const container = await startContainer(workshop, [], (root) => ({
      start: [
        { op: 'exec', argv: [`${root}/bin/probe`, 'child', `${6000 * slowness}`, 'then', 'echo', 'bye'], env: [] },
      ],
    }));
    const begin = performance.now();
    await container.ended();
    expect(performance.now() - begin).toBeGreaterThan(1800);
    expect(performance.now() - begin).toBeLessThan(5500 * slowness);
    expect(container.log().map(({ log }) => log)).toEqual(['bye\n']);
    // The child goes seconds later: the next file must not find it.
    await eventually(() => expect(programsIn(container.root)).toEqual([]), 20_000);
  });

  test('with the driver none the output goes nowhere and blocks nobody', async () => {
    const container = await startContainer(
      workshop,
      [
        ['repeat', 'x', '1000000'],
        ['exit', '3'],
      ],
      {
        log: {},
      },
    );
    expect(await container.ended()).toMatchObject({ exitCode: 3 });
  });

  test('much output is written whole', async () => {
    const { lines } = await logOf([
      ['repeat', 'y', '2000000'],
      ['echo', ''],
    ]);
    expect(lines.map(({ log }) => log).join('')).toBe(`${'y'.repeat(2_000_000)}\n`);
  });

  test('without room for a new file what is in the older ones stays', async () => {
    const small = `${workshop.folder}/few-${_which.replace(' ', '-')}`;
    await workshop.launcher.run([
      { op: 'mkdir', path: small, mode: 0o755, existsOk: true },
      // The folder itself and two files.
      { op: 'mount', source: 'tmpfs', path: small, type: 'tmpfs', flags: 0, data: 'nr_inodes=3' },
    ]);
    const commands = Array.from({ length: 40 }, (_, i) => [
      ['echo', `line ${i}`],
      ['sleep', '2'],
    ]).flat();
    const container = await startContainer(workshop, [...commands, ['exit', '9']], {
      log: { file: { path: `${small}/json.log`, maxBytes: 200, maxFiles: 4, compress: false, attributes: '' } },
    });
    expect(await container.ended()).toMatchObject({ exitCode: 9 });
    const names = readdirSync(small).sort();
    expect(names.length).toBe(2);
    expect(names.map((name) => readFileSync(`${small}/${name}`, 'utf8')).join('')).toContain('line 0\\n');
    await workshop.launcher.run([{ op: 'umount', path: small, flags: MNT_DETACH }]);
  });

  test('a full disk loses lines, never halves of them, and the container goes on', async () => {
    const small = `${workshop.folder}/small-${_which.replace(' ', '-')}`;
    await workshop.launcher.run([
      { op: 'mkdir', path: small, mode: 0o755, existsOk: true },
      { op: 'mount', source: 'tmpfs', path: small, type: 'tmpfs', flags: 0, data: 'size=64k' },
    ]);
    const commands = Array.from({ length: 30 }, (_, i) => [
      ['repeat', 'z', '8000'],
      ['echo', `${i}`],
    ]).flat();
    const container = await startContainer(workshop, [...commands, ['exit', '9']], {
      log: { file: { path: `${small}/json.log`, maxBytes: 0, maxFiles: 1, compress: false, attributes: '' } },
    });
    expect(await container.ended()).toMatchObject({ exitCode: 9 });
    const lines = readFileSync(`${small}/json.log`, 'utf8').split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
    await workshop.launcher.run([{ op: 'umount', path: small, flags: MNT_DETACH }]);
  });
});

test('a log folder that is missing fails the start before anything runs', async () => {
  const workshop = openWorkshop(LAUNCHERS[0][1]());
  const failure = startContainer(workshop, [['exit', '0']], {
    setup: [{ op: 'unshare', flags: CLONE.NEWNET }],
    log: { file: { path: '/nowhere/at/all.log', maxBytes: 0, maxFiles: 1, compress: false, attributes: '' } },
  });
  await expect(failure).rejects.toMatchObject({ section: 'supervisor', index: 2 });
  await eventually(() => workshop.close());
});
