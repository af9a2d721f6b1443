/**
 * A follower of a log that rotates as fast as it can: no line is lost and none comes twice, with and without compression. In CI a quarter of
 * a million lines; TCOMPOSE_LOG_LINES=10000000 for the whole, with the lines a second on standard error.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readBatches } from '../../../engine/logs/read.ts';
import * as control from '../../../engine/supervise/control.ts';
import type { LogSpec } from '../../../engine/supervise/spec.ts';
import { eventually } from '../../helpers/eventually.ts';
import { LAUNCHERS, makeContainer, openWorkshop, startContainer, type Workshop } from '../launcher/probe-container.ts';

const LINES = Number(process.env['TCOMPOSE_LOG_LINES'] ?? 250_000);
/** As many as the default keeps when it is the whole; else smaller ones, so that there are some rotations, and all are kept for a slow reader. */
const FILE_BYTES = LINES > 1_000_000 ? 10 * 2 ** 20 : 2 ** 20;
const FILES = LINES > 1_000_000 ? 3 : 40;
const SIGUSR1 = 10;

describe('a log that rotates', () => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop(LAUNCHERS[0][1]());
  });
  afterAll(() => workshop.close());

  const file = (folder: string, changes: Partial<NonNullable<LogSpec['file']>>): { log: LogSpec } => ({
    log: {
      file: {
        path: `${folder}/log/json.log`,
        maxBytes: FILE_BYTES,
        maxFiles: 4,
        compress: false,
        attributes: '',
        ...changes,
      },
    },
  });

  test.each([false, true])(
    'is followed whole while it is written, compressed: %s',
    async (compress) => {
      const container = makeContainer(
        workshop,
        [
          ['wait', 'USR1'],
          ['lines', `${LINES}`, LINES > 1_000_000 ? '0' : '20000'],
        ],
        (root) => file(dirname(root), { compress, maxFiles: compress ? 500 : FILES }),
      );
      await container.start();
      const end = new AbortController();
      void container.ended().then(() => end.abort());
      let next = 0;
      let begin = 0;
      for await (const lines of readBatches(container.logPath, { follow: true, end: end.signal })) {
        for (const { text } of lines) {
          const words = text.toString('latin1');
          if (words === 'waiting') {
            begin = performance.now();
            await control.kill(container.runDir, SIGUSR1, false);
          } else if (words !== 'got USR1') {
            if (words !== `line ${next}`) throw new Error(`after line ${next - 1} comes "${words}"`);
            next += 1;
          }
        }
      }
      expect(next).toBe(LINES);
      const seconds = (performance.now() - begin) / 1000;
      if (process.env['TCOMPOSE_LOG_LINES'])
        process.stderr.write(`${LINES} lines, ${Math.round(LINES / seconds)} a second, compressed: ${compress}\n`);
      const names = readdirSync(dirname(container.logPath));
      if (compress) {
        // All is still there: read once more from the files alone, and from the end.
        let count = -2;
        for await (const lines of readBatches(container.logPath, { follow: false })) count += lines.length;
        expect(count).toBe(LINES);
      } else expect(names.length).toBeGreaterThanOrEqual(Math.min(FILES, 12));
    },
    600_000,
  );

  const sizes = { maxBytes: 60_000, maxFiles: 3 };
  const FLOOD = [
    ['wait', 'USR1'],
    ['lines', '5000', '0'],
  ];

  test('a follower who slept through many rotations loses nothing, and the files kept for him go ten seconds later', async () => {
    const container = makeContainer(workshop, [...FLOOD, ['sleep', '16000'], ['exit', '0']], (root) =>
      file(dirname(root), sizes),
    );
    await container.start();
    const names = () => readdirSync(dirname(container.logPath));
    const seen: string[] = [];
    for await (const lines of readBatches(container.logPath, { follow: true })) {
      for (const { text } of lines) seen.push(text.toString());
      if (seen.length === 1 && lines.length === 1) {
        await control.kill(container.runDir, SIGUSR1, false);
        // The whole process sleeps, as on a machine that has no time for it.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);
        expect(names().length).toBeGreaterThan(6);
      }
      if (seen.length >= 5002) break;
    }
    expect(seen).toEqual(['waiting', 'got USR1', ...Array.from({ length: 5000 }, (_, i) => `line ${i}`)]);
    await eventually(() => expect(names()).toHaveLength(sizes.maxFiles), 15_000);
    await container.stop();
  }, 60_000);

  test('where nobody reads, there are never more files than were asked for', async () => {
    const container = makeContainer(workshop, [...FLOOD, ['exit', '0']], (root) => file(dirname(root), sizes));
    await container.start();
    await eventually(() => expect(container.log().length).toBe(1));
    await control.kill(container.runDir, SIGUSR1, false);
    await container.ended();
    expect(readdirSync(dirname(container.logPath))).toHaveLength(sizes.maxFiles);
  });

  test('a rotated file is compressed by a child, keeps its time and its lines, and no half of one is left', async () => {
    const container = await startContainer(
      workshop,
      [
        ['lines', '5000', '0'],
        ['sleep', '1500'],
        ['exit', '0'],
      ],
      (root) => file(dirname(root), { compress: true, maxFiles: 9, maxBytes: 60_000 }),
    );
    const folder = dirname(container.logPath);
    const packedOf = (names: readonly string[]) => names.filter((name) => name.endsWith('.gz'));
    await eventually(() => {
      const names = readdirSync(folder);
      expect(names.filter((name) => /\.\d$/.test(name) || name.endsWith('.new'))).toEqual([]);
      expect(packedOf(names).length).toBeGreaterThan(3);
    }, 20_000);
    await container.ended();
    const packed = packedOf(readdirSync(folder));
    const text = packed
      .sort((a, b) => Number(b.split('.')[2]) - Number(a.split('.')[2]))
      .map((name) => gunzipSync(readFileSync(`${folder}/${name}`)).toString())
      .join('');
    const numbers = text
      .trim()
      .split('\n')
      .map((line) => Number(JSON.parse(line).log.slice(5)));
    expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i));
    expect(
      new Set(packed.map((name) => statSync(`${folder}/${name}`, { bigint: true }).mtimeNs % 1_000_000_000n)).size,
    ).toBe(packed.length);
    const last: string[] = [];
    for await (const lines of readBatches(container.logPath, { follow: false, tail: 3000 }))
      last.push(...lines.map(({ text }) => text.toString()));
    expect(last).toEqual(Array.from({ length: 3000 }, (_, i) => `line ${2000 + i}`));
  });
});
