/** `--since` and `--until` in every form that Docker takes, and none that it refuses but days. */
import { expect, test } from 'vitest';
import { pointInTime } from '../../../src/cli/time.ts';

const NOW = Date.parse('2026-01-31T12:00:00Z');
const at = (word: string) => pointInTime('--since', word, NOW);
const local = (...parts: [number, number, number, number?, number?, number?]) => new Date(...parts).getTime();

test.each([
  ['1h30m', NOW - 5_400_000],
  ['1.5h', NOW - 5_400_000],
  ['.5h', NOW - 1_800_000],
  ['-5m', NOW + 300_000],
  ['10ms', NOW - 10],
  ['1d', NOW - 86_400_000],
  ['1700000000', 1_700_000_000_000],
  ['1700000000.5', 1_700_000_000_500],
  ['2026-01-31', local(2026, 0, 31)],
  ['2026-01-31T10', local(2026, 0, 31, 10)],
  ['2026-01-31T10:05', local(2026, 0, 31, 10, 5)],
  ['2026-01-31T10:05:07', local(2026, 0, 31, 10, 5, 7)],
  ['2026-01-31Z', Date.UTC(2026, 0, 31)],
  ['2026-01-31T10Z', Date.UTC(2026, 0, 31, 10)],
  ['2026-01-31+02:00', Date.UTC(2026, 0, 30, 22)],
  ['2026-01-31T10:00:00.123456789+02:00', Date.UTC(2026, 0, 31, 8, 0, 0, 123)],
])('%s', (word, expected) => expect(at(word)).toBeCloseTo(expected, 0));

test.each(['5us', '3ns'])('%s', (word) => expect(at(word)).toBeCloseTo(NOW, 1));

test.each(['1h ', '15:04', '2026-02-31', '2026-01-31 10:00:00', '-1700000000', '1x', '2026-13-01'])(
  '"%s" is refused',
  (word) => expect(() => at(word)).toThrow(`cannot read "${word}"`),
);
