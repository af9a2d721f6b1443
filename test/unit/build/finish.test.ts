/** Times in the history of an image that was built. */
import { expect, test } from 'vitest';
import { withTimes } from '../../../engine/build/solve/finish.ts';

const times = (...created: (string | undefined)[]) =>
  withTimes(
    created.map((one) => (one === undefined ? {} : { created: one })),
    'none',
  ).map((entry) => entry.created);

test('lines without a layer have the time of the first layer made here, then of the one before them', () => {
  expect(times('base', undefined, 'first', undefined, 'second', undefined)).toEqual([
    'base',
    'first',
    'first',
    'first',
    'second',
    'second',
  ]);
});

test('without a layer of its own it is that of the base, or nobody’s', () => {
  expect(times('base', 'base 2', undefined)).toEqual(['base', 'base 2', 'base 2']);
  expect(times(undefined)).toEqual(['none']);
  expect(times('base')).toEqual(['base']);
});
