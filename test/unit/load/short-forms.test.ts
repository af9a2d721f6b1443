/** Ports, volumes, durations, sizes, commands: from what people write to long forms. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the very syntax under test
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plain } from '../../../src/load/bind.ts';
import type { CanonicalItems } from '../../../src/load/canonical/context.ts';
import { canonicalPort } from '../../../src/load/canonical/ports.ts';
import { canonicalVolume, splitVolume } from '../../../src/load/canonical/volumes.ts';
import { makeFindings } from '../../../src/load/findings.ts';
import { shellWords } from '../../../src/load/shell-words.ts';
import { scalar } from '../../../src/load/tree.ts';
import { formatDuration, parseDuration, parseSize } from '../../../src/load/units.ts';

function run(rule: CanonicalItems, text: string) {
  const findings = makeFindings();
  const source = { file: 'compose.yaml', text };
  const made = rule(scalar(text, { source, start: 0, end: text.length }), {
    findings,
    owner: 'service web',
    lenient: false,
  });
  return { made: made.map(plain), codes: findings.sorted().map(({ code }) => code) };
}

describe('ports', () => {
  const port = (text: string) =>
    run(canonicalPort, text).made.map((made) => {
      const { host_ip, published, target, protocol } = made as Record<string, unknown>;
      return `${host_ip ?? ''}|${published ?? ''}|${target}/${protocol}`;
    });
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['3000', ['||3000/tcp']],
    ['22:22', ['|22|22/tcp']],
    ['8080:80/UDP', ['|8080|80/udp']],
    ['127.0.0.1:8080:80', ['127.0.0.1|8080|80/tcp']],
    ['127.0.0.1::80', ['127.0.0.1||80/tcp']],
    ['[::1]:90:90', ['::1|90|90/tcp']],
    ['::1:90:91', ['::1|90|91/tcp']],
    ['8000-8001:80-81', ['|8000|80/tcp', '|8001|81/tcp']],
    ['8000-8010:80', ['|8000-8010|80/tcp']],
    ['3000-3001', ['||3000/tcp', '||3001/tcp']],
    ['9-10:9-10', ['|10|10/tcp', '|9|9/tcp']],
  ];
  for (const [text, wanted] of cases) test(text, () => expect(port(text)).toEqual(wanted));
  for (const text of [
    '',
    ':',
    '80:',
    'a:b',
    '80:70000',
    '90-80',
    '80/x',
    '1.2.3:80:80',
    '80-82:80-81',
    '1:2:3:4:5 6',
  ]) {
    test(`${JSON.stringify(text)} is refused with one message`, () =>
      expect(run(canonicalPort, text).codes).toEqual(['bad-port']));
  }
});

describe('volumes', () => {
  const volume = (text: string) => run(canonicalVolume, text).made[0] as Record<string, unknown> | undefined;
  const cases: readonly (readonly [string, object])[] = [
    ['/data', { type: 'volume', target: '/data', volume: {} }],
    ['data:/data/', { type: 'volume', source: 'data', target: '/data', volume: {} }],
    ['/d', { type: 'volume', target: '/d' }],
    ['d:/d:cached', { type: 'volume', source: 'd', target: '/d', volume: {} }],
    ['v:/v', { type: 'volume', source: 'v', target: '/v', volume: {} }],
    ['./a:/a:ro', { type: 'bind', source: './a', target: '/a', read_only: true, bind: { create_host_path: true } }],
    ['~/a:/a', { type: 'bind', source: '~/a', target: '/a', bind: { create_host_path: true } }],
    ['d:/d:nocopy', { type: 'volume', source: 'd', target: '/d', volume: { nocopy: true } }],
    [
      '/a:/a:rshared,z',
      {
        type: 'bind',
        source: '/a',
        target: '/a',
        bind: { create_host_path: true, propagation: 'rshared', selinux: 'z' },
      },
    ],
    ['./a:D:\\b', { type: 'bind', source: './a', target: 'D:\\b', bind: { create_host_path: true } }],
    [
      'C:\\a:d:\\b:ro',
      { type: 'bind', source: 'C:\\a', target: 'd:\\b', read_only: true, bind: { create_host_path: true } },
    ],
    ['C:\\a:/a', { type: 'bind', source: 'C:\\a', target: '/a', bind: { create_host_path: true } }],
  ];
  for (const [text, wanted] of cases) test(text, () => expect(volume(text)).toEqual(wanted));
  test('consistency, which Linux has anyway, is no reason to warn', () =>
    expect(run(canonicalVolume, './a:/a:ro,delegated,consistent').codes).toEqual([]));
  for (const text of ['', ':', 'a::b', '/a:/b:ro:x', ':/a']) {
    test(`${JSON.stringify(text)} is refused with one message`, () =>
      expect(run(canonicalVolume, text).codes).toEqual(['bad-volume']));
  }
  test('an unknown option is named, not dropped in silence', () =>
    expect(run(canonicalVolume, './a:/a:rro').codes).toEqual(['bad-volume']));
  test('colons inside a variable do not split', () => expect(splitVolume('${A:-b:c}:/x')).toEqual(['${A:-b:c}', '/x']));
});

describe('durations', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['90s', '1m30s'],
    ['1h', '1h0m0s'],
    ['1d', '24h0m0s'],
    ['1.5s', '1.5s'],
    ['100ms', '100ms'],
    ['10us', '10µs'],
    ['10\u00b5s', '10µs'],
    ['10\u03bcs', '10µs'],
    ['0', '0s'],
    ['1h2m3s4ms', '1h2m3.004s'],
    ['1w', '168h0m0s'],
  ];
  for (const [text, wanted] of cases)
    test(`${text} is ${wanted}`, () => expect(formatDuration(parseDuration(text)!)).toBe(wanted));
  for (const text of ['', '10', 's', '1 s', '1x', '1s2', '--1s'])
    test(`"${text}" is none`, () => expect(parseDuration(text)).toBeUndefined());
  test('what is printed is read back as the same', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 ** 15 }),
        (nanoseconds) => parseDuration(formatDuration(nanoseconds)) === nanoseconds,
      ),
      { seed: 11, numRuns: 1000, interruptAfterTimeLimit: 2000 },
    );
  });
});

test('sizes have factors of 1024 whatever the spelling', () => {
  expect(['1024', '1k', '1kb', '1KiB', '1.5m', '2 gb', '-1', '0'].map(parseSize)).toEqual([
    1024, 1024, 1024, 1024, 1572864, 2147483648, -1, 0,
  ]);
  expect(['1.5', '1e3', '.5k', '5.', '9223372036854775807'].map(parseSize)).toEqual([1, 1000, 512, 5, 2 ** 63]);
  const none = ['', 'k', '1x', '-1k', '1.2.x', '1Gi', '1bb', '1  k', ' 1k', '1k ', '9223372036854775808'];
  for (const text of none) expect(parseSize(text), text).toBeUndefined();
});

describe('command strings', () => {
  const words = (text: string) => {
    const split = shellWords(text);
    return split.ok ? split.words : split.problem;
  };
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['a  b\tc\nd', ['a', 'b', 'c', 'd']],
    ['sh -c "echo \'x\'"', ['sh', '-c', "echo 'x'"]],
    ['a \'b "c" \\\' d', ['a', 'b "c" \\', 'd']],
    ['a\\ b "" c', ['a b', '', 'c']],
    ['echo $(x y)', ['echo', '$(x y)']],
    ['a 2>x', ['a']],
  ];
  for (const [text, wanted] of cases) test(JSON.stringify(text), () => expect(words(text)).toEqual(wanted));
  test('an unquoted & ends it, and what is dropped is given', () =>
    expect(shellWords('a && b')).toEqual({ ok: true, words: ['a'], cut: '&& b' }));
  for (const text of ['"a', "'", 'a (b)', '`x'])
    test(`${text} is refused`, () => expect(shellWords(text).ok).toBe(false));
});

test('no text makes a short-form parser throw', () => {
  const soup = fc.array(
    fc.constantFrom(
      ':',
      '/',
      '-',
      '0',
      '9',
      '65535',
      'a',
      '[',
      ']',
      '.',
      '~',
      '\\',
      'C',
      '${',
      '}',
      ',',
      'ro',
      ' ',
      '"',
      "'",
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(soup, (parts) => {
      const text = parts.join('');
      run(canonicalPort, text);
      run(canonicalVolume, text);
      shellWords(text);
      parseDuration(text);
      parseSize(text);
    }),
    { seed: 13, numRuns: 3000, interruptAfterTimeLimit: 3000 },
  );
});
