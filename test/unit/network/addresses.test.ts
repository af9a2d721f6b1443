import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  contains,
  findAddress,
  findPrefix,
  formatAddress,
  formatPrefix,
  hostRange,
  macFor,
  overlap,
} from '../../../engine/network/addresses.ts';

describe('addresses', () => {
  test('what is read is what Node takes for an address, and nothing else', () => {
    const texts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.stringMatching(/^[0-9a-f:.]{1,20}$/));
    fc.assert(
      fc.property(texts, (text) => {
        fc.pre(!text.includes('%'));
        expect(findAddress(text) !== undefined).toBe(isIPv4(text) || isIPv6(text));
      }),
    );
  });

  test('written and read again, an address is the same', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = findAddress(text)!;
        expect(findAddress(formatAddress(address))).toEqual(address);
      }),
    );
  });

  test.each([
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['fd00::', 'fd00::'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
  ])('%s is written %s (RFC 5952)', (given, written) => {
    expect(formatAddress(findAddress(given)!)).toBe(written);
  });

  test.each(['010.0.0.1', '1.2.3', '1.2.3.256', ':::', '1::2::3', '1:2:3:4:5:6:7:8:9', 'g::'])('%s is none', (text) => {
    expect(findAddress(text)).toBeUndefined();
  });
});

describe('prefixes', () => {
  test('bits behind the prefix do not count', () => {
    expect(formatPrefix(findPrefix('172.20.5.9/16')!)).toBe('172.20.0.0/16');
  });

  test.each(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/x', 'fd00::/129', '10.0.0.0/8/8'])('%s is none', (text) => {
    expect(findPrefix(text)).toBeUndefined();
  });

  test('two overlap when one contains the other', () => {
    const prefix = fc
      .tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }))
      .map(([address, length]) => findPrefix(`${address}/${length}`)!);
    fc.assert(
      fc.property(prefix, prefix, (a, b) => {
        const within = (outer: typeof a, inner: typeof a) => outer.length <= inner.length && contains(outer, inner);
        expect(overlap(a, b)).toBe(within(a, b) || within(b, a));
      }),
    );
  });

  test.each([
    ['172.20.0.0/24', '172.20.0.1', '172.20.0.254'],
    ['172.20.0.0/31', '172.20.0.0', '172.20.0.1'],
    ['172.20.0.7/32', '172.20.0.7', '172.20.0.7'],
    ['fd00::/64', 'fd00::1', 'fd00::ffff:ffff:ffff:ffff'],
  ])('hosts of %s are %s to %s', (text, from, to) => {
    const prefix = findPrefix(text)!;
    const range = hostRange(prefix);
    expect([range.from, range.to].map((value) => formatAddress({ family: prefix.family, value }))).toEqual([from, to]);
  });
});

test('who has an address has the hardware address that goes with it', () => {
  expect(macFor('172.20.0.5')).toBe('02:42:ac:14:00:05');
});
