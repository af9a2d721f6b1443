/** What registries say in headers is understood as RFC 9110 writes it. */
import { describe, expect, test } from 'vitest';
import { parseChallenges } from '../../../engine/registry/challenges.ts';
import { backOff, isPassingError, isPassingStatus, retryAfter } from '../../../engine/registry/retry.ts';

describe('WWW-Authenticate', () => {
  test.each([
    [
      'a scope keeps its comma',
      ['Bearer realm="https://auth.example/token",service="reg",scope="repository:x/y:pull,push"'],
      [
        {
          scheme: 'bearer',
          parameters: { realm: 'https://auth.example/token', service: 'reg', scope: 'repository:x/y:pull,push' },
        },
      ],
    ],
    [
      'several challenges in one line',
      ['Basic realm="a, b", BEARER realm=https://t.example/x , Service = "s"'],
      [
        { scheme: 'basic', parameters: { realm: 'a, b' } },
        { scheme: 'bearer', parameters: { realm: 'https://t.example/x', service: 's' } },
      ],
    ],
    [
      'several lines, and a scheme with nothing behind it',
      ['Negotiate', 'Basic realm="x"'],
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'basic', parameters: { realm: 'x' } },
      ],
    ],
    [
      'quotes inside of quotes',
      ['Basic realm="a \\"b\\" \\\\c"'],
      [{ scheme: 'basic', parameters: { realm: 'a "b" \\c' } }],
    ],
    [
      'names of every object are plain names',
      ['Basic __proto__="x"'],
      [{ scheme: 'basic', parameters: JSON.parse('{"__proto__":"x"}') }],
    ],
    [
      'what is broken ends the line, what came before counts',
      ['Basic realm="x", ="'],
      [{ scheme: 'basic', parameters: { realm: 'x' } }],
    ],
    ['a parameter of nothing', ['realm="x"'], []],
    ['nothing', [''], []],
  ])('%s', (_, lines, expected) => expect(JSON.parse(JSON.stringify(parseChallenges(lines)))).toEqual(expected));

  test('a hostile header is read in no time', () => {
    const begun = performance.now();
    parseChallenges([`Bearer ${'a="\\"'.repeat(20_000)}`, `Basic ${' ,'.repeat(50_000)}`, `${'a'.repeat(100_000)}=`]);
    expect(performance.now() - begun).toBeLessThan(500);
  });
});

describe('patience', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  test.each([
    ['7', 7000],
    ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
    ['Thu, 01 Jan 2025 00:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('Retry-After %s', (header, expected) => expect(retryAfter(header, now)).toBe(expected));

  test('it waits longer each time, and never the same for all', () => {
    expect([0, 1, 2].map((attempt) => backOff(attempt, 0.5))).toEqual([500, 1000, 2000]);
    expect(backOff(1, 0)).toBeLessThan(backOff(1, 1));
  });

  test('what passes is tried again, what is an answer is not', () => {
    expect([408, 429, 500, 502, 503, 504].every(isPassingStatus)).toBe(true);
    expect([200, 400, 401, 403, 404, 501].some(isPassingStatus)).toBe(false);
    expect(isPassingError(Object.assign(new Error(), { code: 'ECONNRESET' }))).toBe(true);
    expect(isPassingError(Object.assign(new Error(), { code: 'ENOTFOUND' }))).toBe(false);
  });
});
