/** Which hop breaks a connection: every break as facts, and what is said of it. */
import { describe, expect, test } from 'vitest';
import type { Trace, TraceRequest, TraceRules } from '../../../src/model/trace.ts';
import { endOf } from '../../../src/operations/why.ts';
import { hopsOf } from '../../../src/operations/why-hops.ts';
import { BREAKS, fromHost, inside, rule, rules, without } from './why-breaks.ts';

const wording = {
  serviceOf: (one: string) => one.split('-')[1] ?? one,
  networkOf: (one: string) => one.replace('shop_', ''),
};
const asked = (trace: Trace, request: Partial<TraceRequest> = {}) =>
  hopsOf({
    ...wording,
    trace,
    request: {
      from: trace.asker ? { kind: 'container', container: 'shop-web-1' } : { kind: 'host' },
      to: 'db',
      meant: ['shop-db-1'],
      port: 5432,
      protocol: 'tcp',
      ...request,
    },
  });

test('a connection that works has only good hops, in the order of the way', () => {
  const { works, brokenAt, hops } = asked(inside);
  expect([works, brokenAt]).toEqual([true, undefined]);
  expect(hops.map(({ hop, state }) => `${hop} ${state}`)).toEqual(
    ['asker', 'name', 'address', 'route', 'links', 'rules', 'listener', 'connect'].map((hop) => `${hop} ok`),
  );
  expect(asked(fromHost).hops.map(({ hop }) => hop)).toEqual([
    'asker',
    'published',
    'route',
    'links',
    'rules',
    'listener',
    'connect',
  ]);
});

describe('the hop that breaks it is named when', () => {
  const cases = BREAKS.map(([title, trace, hop, says, request]) => ({ title, trace, hop, says, request }));
  test.each(cases)('$title', ({ trace, hop, says, request }) => {
    const { works, brokenAt, hops } = asked(trace, request);
    const found = hops.find((one) => one.hop === brokenAt);
    expect({ works, brokenAt }, JSON.stringify(hops)).toEqual({ works: false, brokenAt: hop });
    expect(`${found?.says}\n${found?.help}`).toMatch(says);
    expect(found?.help, 'what to do is said').toBeTruthy();
    const first = hops.findIndex(({ state }) => state === 'broken');
    expect(
      hops.slice(first + 1).every((one) => one.hop === 'connect'),
      'nothing is told behind it but the attempt',
    ).toBe(true);
  });
});

test('what is not as it should be and does no harm is a warning', () => {
  const { works, hops } = asked({
    ...inside,
    rules: { ...rules, missing: ['a firewall rule of network shop_default'] },
  });
  expect(works).toBe(true);
  expect(hops.find(({ hop }) => hop === 'rules')?.state).toBe('warning');
});

test('from another machine a way that was tried from here proves nothing', () => {
  const dropped: TraceRules = { ...rules, path: 'forward', verdict: 'dropped', droppedBy: rule({}) };
  expect(asked({ ...fromHost, rules: dropped }, { from: { kind: 'outside' } })).toMatchObject({
    works: false,
    brokenAt: 'rules',
  });
  expect(asked({ ...fromHost, rules: dropped })).toMatchObject({ works: true });
});

test('without a port, and for datagrams, the way ends before the attempt', () => {
  const { works, hops } = asked(without(inside, 'attempt'), { protocol: 'udp' });
  expect([works, hops.at(-1)?.hop]).toEqual([true, 'listener']);
});

test('targets are written as hosts with a port', () => {
  expect(endOf('db:5432')).toEqual({ host: 'db', port: 5432 });
  expect(endOf('example.org')).toEqual({ host: 'example.org' });
  expect(endOf('[fd00::2]:80')).toEqual({ host: 'fd00::2', port: 80 });
  expect(endOf('fd00::2')).toEqual({ host: 'fd00::2' });
  for (const bad of ['', ':80', 'db:', 'db:http', 'db:0', 'db:65536', 'a b', '--x=$(y)', '[::1'])
    expect(() => endOf(bad), bad).toThrow(/is no target/);
});
