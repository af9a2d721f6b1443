/** Short forms against a second, plain reading of them: by what was put together, rather than by how it is taken apart. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plain } from '../../../src/load/bind.ts';
import type { CanonicalItems } from '../../../src/load/canonical/context.ts';
import { canonicalPort } from '../../../src/load/canonical/ports.ts';
import { device, extraHosts, gpus } from '../../../src/load/canonical/service.ts';
import { canonicalVolume } from '../../../src/load/canonical/volumes.ts';
import { parseDotenv } from '../../../src/load/dotenv.ts';
import { makeFindings } from '../../../src/load/findings.ts';
import { list, type SpecNode, scalar } from '../../../src/load/tree.ts';
import { formatDuration, parseDuration, parseSize } from '../../../src/load/units.ts';
import { nearestOf } from '../../../src/validate/did-you-mean.ts';

const budget = { seed: 23, numRuns: 400, interruptAfterTimeLimit: 400 };
const holds = <T>(made: fc.Arbitrary<T>, claim: (value: T) => void) => fc.assert(fc.property(made, claim), budget);

const context = () => ({ findings: makeFindings(), owner: 'service web', lenient: false });
const located = (text: string) => scalar(text, { source: { file: 'f', text }, start: 0, end: text.length });
function run(rule: CanonicalItems, text: string): readonly unknown[] {
  const asked = context();
  const made = rule(located(text), asked).map(plain);
  expect(asked.findings.sorted(), text).toEqual([]);
  return made;
}

const port = fc.integer({ min: 1, max: 65_535 });
const protocol = fc.constantFrom(undefined, 'tcp', 'udp', 'sctp');
const name = fc.stringMatching(/^[a-z][a-z0-9_]{1,8}$/);
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);

test('a port is what it was put together from', () => {
  const address = fc.constantFrom(
    [undefined, ''],
    ['127.0.0.1', '127.0.0.1:'],
    ['::1', '[::1]:'],
    ['fe80::2', 'fe80::2:'],
  );
  holds(fc.tuple(address, fc.option(port, { nil: undefined }), port, protocol), ([[ip, begin], host, target, kind]) => {
    const middle = host === undefined ? (ip === undefined ? '' : ':') : `${host}:`;
    const text = `${begin}${middle}${target}${kind === undefined ? '' : `/${kind}`}`;
    expect(run(canonicalPort, text), text).toEqual([
      {
        mode: 'ingress',
        ...(ip !== undefined && { host_ip: ip }),
        target,
        ...(host !== undefined && { published: String(host) }),
        protocol: kind ?? 'tcp',
      },
    ]);
  });
});

test('a range of ports is its ports, each with its own', () => {
  holds(fc.tuple(port, port, fc.integer({ min: 1, max: 50 })), ([host, target, more]) => {
    const [a, b] = [Math.min(host, 65_535 - more), Math.min(target, 65_535 - more)];
    const made = run(canonicalPort, `${a}-${a + more}:${b}-${b + more}`) as { published: string; target: number }[];
    const pairs = made.map((one) => Number(one.published) - one.target);
    expect(new Set(pairs)).toEqual(new Set([a - b]));
    expect(new Set(made.map((one) => one.target)).size).toBe(more + 1);
  });
});

test('a mount is what it was put together from', () => {
  const source = fc.oneof(name, path);
  const options = fc.subarray(['ro', 'nocopy', 'z', 'rshared', 'cached', 'rw']);
  holds(fc.tuple(source, path, options), ([from, to, chosen]) => {
    const text = [from, to, ...(chosen.length > 0 ? [chosen.join(',')] : [])].join(':');
    const isBind = from.startsWith('/');
    const [made] = run(canonicalVolume, text) as Record<string, unknown>[];
    expect(made, text).toMatchObject({ type: isBind ? 'bind' : 'volume', source: from, target: to });
    expect(made!['read_only'] === true, text).toBe(chosen.includes('ro'));
    expect((made!['bind'] as { propagation?: string } | undefined)?.propagation === 'rshared').toBe(
      chosen.includes('rshared'),
    );
    expect((made!['volume'] as { nocopy?: boolean } | undefined)?.nocopy === true).toBe(chosen.includes('nocopy'));
  });
});

test('a device is what it was put together from, and what is left out stands for the rest', () => {
  holds(fc.tuple(path, fc.option(path), fc.constantFrom('r', 'rw', 'rwm')), ([source, target, permissions]) => {
    const text = target === null ? source : `${source}:${target}:${permissions}`;
    const wanted = { source, target: target ?? source, permissions: target === null ? 'rwm' : permissions };
    expect(run(device, text)).toEqual([wanted]);
  });
});

test('extra hosts say the same as a list and as a mapping', () => {
  const host = fc.tuple(name, fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('host-gateway')));
  holds(fc.uniqueArray(host, { maxLength: 4, selector: ([key]) => key }), (hosts) => {
    const wanted = hosts.map(([key, address]) => `${key}=${address}`);
    for (const sign of ['=', ':']) {
      const items: SpecNode[] = hosts.map(([key, address]) => located(`${key}${sign}${address}`));
      expect(plain(extraHosts(list(items, located('').mark), context()))).toEqual(wanted);
    }
  });
});

test('gpus: a count, or all', () => {
  holds(fc.oneof(fc.constant('all'), fc.integer({ min: 1, max: 64 }).map(String)), (text) => {
    expect(plain(gpus(located(text)))).toEqual([{ count: text }]);
  });
});

test('a duration is the sum of its parts, and is read back from what is printed', () => {
  const units = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, ns: 1 };
  const part = fc.tuple(fc.integer({ min: 0, max: 5000 }), fc.constantFrom(...Object.keys(units)));
  holds(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
    const wanted = parts.reduce((sum, [count, unit]) => sum + count * units[unit as keyof typeof units], 0);
    const text = parts.map(([count, unit]) => `${count}${unit}`).join('');
    expect(parseDuration(text), text).toBe(wanted);
    expect(parseDuration(formatDuration(wanted)), formatDuration(wanted)).toBe(wanted);
  });
});

test('a size is its number times a power of 1024, however the unit is spelled', () => {
  const unit = fc.constantFrom(['', 0], ['b', 0], ['k', 1], ['KB', 1], ['m', 2], ['MiB', 2], ['g', 3], ['gb', 3]);
  holds(fc.tuple(fc.integer({ min: 0, max: 1_000_000 }), unit, fc.boolean()), ([count, [spelled, power], isApart]) => {
    const text = `${count}${isApart && spelled !== '' ? ' ' : ''}${spelled}`;
    expect(parseSize(text), text).toBe(count * 1024 ** Number(power));
  });
});

test('a line of an env file is read back, whatever its value and its quotes', () => {
  const value = fc.string({ unit: fc.constantFrom(...'ab 1=#:$"\'\\{}\n\t'.split('')), maxLength: 12 });
  holds(fc.array(fc.tuple(name, value), { maxLength: 5 }), (pairs) => {
    const escaped = (text: string) => text.replace(/[\\"$]/g, '\\$&').replaceAll('\n', '\\n');
    const text = pairs.map(([key, said]) => `${key}="${escaped(said)}"\n`).join('');
    const read = parseDotenv(
      { file: 'f', text },
      () => undefined,
      () => undefined,
    );
    expect(read.problems, text).toEqual([]);
    expect(read.entries.map(({ key, value }) => [key, value])).toEqual(pairs);
  });
});

test('did-you-mean finds the word that a full comparison finds', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '_'), minLength: 1, maxLength: 9 });
  holds(fc.tuple(word, fc.array(word, { maxLength: 6 })), ([asked, known]) => {
    const bare = (text: string) => text.replaceAll('_', '');
    const distances = known.map((one) => (bare(one) === bare(asked) ? 0 : distance(asked, one)));
    const ending = asked.length > 3 ? known.findIndex((one) => one.endsWith(`_${asked}`)) : -1;
    const found = nearestOf(asked, known);
    if (ending !== -1) return;
    const fits = (one: string) => Math.abs(one.length - asked.length) <= Math.max(1, Math.floor(asked.length / 3)) + 1;
    const least = Math.min(...distances.filter((_, at) => fits(known[at]!)), Number.POSITIVE_INFINITY);
    const wanted = known.find((one, at) => fits(one) && distances[at] === least);
    expect(found).toBe(least <= Math.max(1, Math.floor(asked.length / 3)) ? wanted : undefined);
  });
});

/** Optimal string alignment, from its definition. */
function distance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const table = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const ways = [
        table[i - 1]![j]! + 1,
        table[i]![j - 1]! + 1,
        table[i - 1]![j - 1]! + Number(a[i - 1] !== b[j - 1]),
      ];
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) ways.push(table[i - 2]![j - 2]! + 1);
      table[i]![j] = Math.min(...ways);
    }
  return table[a.length]![b.length]!;
}
