/** Many port maps: what a new connection meets of them, and that it meets the right one. */
import { describe, expect, test } from 'vitest';
import { firewallOf, type Rule } from '../../../engine/network/firewall.ts';
import { damagedOwners, parseSaved, restoreText } from '../../../engine/network/firewall-text.ts';
import { grouped } from '../../../engine/network/grouped.ts';
import type { LivePort } from '../../../src/model/live.ts';
import { containerRecord, networkRecord } from './records.ts';

const publish = (count: number, changes: (i: number) => Partial<LivePort> = () => ({})): LivePort[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ protocol: 'tcp' as const, hostIp: '', published: 20_000 + i, target: 1000 + i },
    ...changes(i),
  }));
const recordsWith = (ports: readonly LivePort[]) => ({
  networks: [networkRecord('front', ['172.20.0.0/24'])],
  containers: [containerRecord('web', { addresses: { front: '172.20.0.2' }, ports })],
});
const rulesFor = (ports: readonly LivePort[]) => firewallOf(recordsWith(ports), '1a2b', 4)!;

/** As the kernel walks chains for a packet to a port of a protocol: where it is led to, and how many rules it met. */
function walk(chains: ReadonlyMap<string, readonly Rule[]>, protocol: string, port: number, address = '198.51.100.2') {
  let [chain, met] = ['TC-1a2b-PORTS', 0];
  next: for (;;) {
    for (const { text } of chains.get(chain)!) {
      met++;
      const [, to = address] = /-d ([\d.]+)\/32/.exec(text) ?? [];
      const [, first = '', last = first] = /--dport (\d+)(?::(\d+))?/.exec(text) ?? [];
      if (to !== address || !text.includes(`-p ${protocol} `) || port < Number(first) || port > Number(last)) continue;
      const [, target = '', where = ''] = / -[jg] (\S+)(?: --to-destination (\S+))?/.exec(text)!;
      if (target === 'DNAT') return { met, to: where };
      chain = target;
      continue next;
    }
    return { met, to: undefined };
  }
}

describe('10,000 published ports', () => {
  const ports = publish(10_000, (i) => ({ protocol: i % 2 === 0 ? 'tcp' : 'udp' }));
  const { nat } = rulesFor(ports);
  const chains = grouped(nat.rules, ({ chain }) => chain);

  test('each leads where it should, past 64 rules at most', () => {
    const walks = ports.map(({ protocol, published }) => walk(chains, protocol, published));
    expect(walks.map(({ to }) => to)).toEqual(ports.map(({ target }) => `172.20.0.2:${target}`));
    expect(Math.max(...walks.map(({ met }) => met))).toBeLessThanOrEqual(64);
  });

  test('what is not published meets a handful', () => {
    for (const port of [80, 19_999, 30_000]) expect(walk(chains, 'tcp', port)).toEqual({ met: 4, to: undefined });
  });

  test('no chain has a name that is too long for the kernel', () => {
    expect(Math.max(...nat.chains.map((chain) => chain.length))).toBeLessThanOrEqual(28);
    const longest = rulesFor(publish(5000, (i) => ({ protocol: 'sctp', hostIp: '127.0.0.1', published: 60_000 + i })));
    expect(Math.max(...longest.nat.chains.map((chain) => chain.length))).toBeLessThanOrEqual(28);
  });

  test('what is there needs nothing, and is found damaged by its owner', () => {
    const text = restoreText(rulesFor(ports), parseSaved('', '1a2b')).replace(/^-I (\S+) 1 /gm, '-A $1 ');
    expect(restoreText(rulesFor(ports), parseSaved(text, '1a2b'))).toBe('');
    const without = text.replace(/^.*--dport 27500 .*\n/m, '');
    expect(damagedOwners(rulesFor(ports), parseSaved(without, '1a2b'))).toEqual(new Set(['web']));
  });

  test('fewer of them are one chain again: what the tree had is emptied before any of it is deleted', () => {
    const saved = parseSaved(restoreText(rulesFor(ports), parseSaved('', '1a2b')), '1a2b');
    const lines = restoreText(rulesFor(publish(3)), saved).split('\n');
    const [lastEmptied, firstDeleted] = [
      lines.findLastIndex((line) => line.startsWith('-F ')),
      lines.findIndex((line) => line.startsWith('-X ')),
    ];
    expect(lastEmptied).toBeGreaterThan(0);
    expect(lastEmptied).toBeLessThan(firstDeleted);
  });
});

test('a port that is published on several addresses leads to each one’s own place', () => {
  const addresses = ['198.51.100.2', '198.51.100.3', '198.51.100.4'];
  const ports = publish(90, (i) => ({ published: 8000 + Math.floor(i / 3), hostIp: addresses[i % 3]! }));
  const chains = grouped(rulesFor(ports).nat.rules, ({ chain }) => chain);
  for (const { published, hostIp, target } of ports) {
    expect(walk(chains, 'tcp', published, hostIp).to).toBe(`172.20.0.2:${target}`);
  }
});

test('32 ports stay where people can read them: in one chain', () => {
  expect(rulesFor(publish(32)).nat.chains).toEqual(['TC-1a2b-PORTS', 'TC-1a2b-LOOPBACK', 'TC-1a2b-SOURCE']);
  expect(rulesFor(publish(33)).nat.chains.length).toBeGreaterThan(3);
});
