import { describe, expect, test } from 'vitest';
import { aliasOf } from '../../../engine/network/bridge.ts';
import { damageOf, leftoverNames } from '../../../engine/network/damage.ts';
import type { LinkFact, NetworkFacts } from '../../../engine/network/facts.ts';
import { firewallOf } from '../../../engine/network/firewall.ts';
import { parseSaved, restoreText } from '../../../engine/network/firewall-text.ts';
import { formatBefore, parseBefore } from '../../../engine/network/forwarding.ts';
import { bridgeIndex } from '../../../engine/network/names.ts';
import { containerRecord, livePort, networkRecord } from './records.ts';

const front = networkRecord('front', ['172.20.0.0/24']);
const web = containerRecord('web', { addresses: { front: '172.20.0.2' }, ports: ['8080:80', '8081:81'].map(livePort) });
const db = containerRecord('db', { addresses: { front: '172.20.0.3' }, ports: ['5432:5432'].map(livePort) });
const records = { networks: [front], containers: [web, db] };
const veth = web.endpoints[0]!.hostInterface;

const saved = restoreText(firewallOf(records, '1a2b', 4), parseSaved('', '1a2b')).replace(/^-I (\S+) 1 /gm, '-A $1 ');
const bridge: LinkFact = { index: bridgeIndex(front.bridge), isUp: true, mtu: 1500, addresses: ['172.20.0.1/24'] };
const port: LinkFact = { index: 9, isUp: true, mtu: 1500, master: front.bridge, addresses: [] };
const links = new Map([
  [front.bridge, bridge],
  [veth, port],
]);
const whole: NetworkFacts = { links, firewall: { ipv4: saved, ipv6: '' }, forwarding: { ipv4: true, ipv6: false } };

/** Beyond the largest process id: what is inside of its network namespace cannot be seen, and is not missed (look-inside.ts). */
const ENDED = 2 ** 22 + 1;

const damage = (changes: Partial<NetworkFacts>, isGuarded = true) => {
  const { networks, containers } = damageOf(
    records,
    { ...whole, ...changes },
    { instance: '1a2b', running: new Map([['web', ENDED]]), isGuarded },
  );
  const kinds = (all: ReadonlyMap<string, readonly { kind: string }[]>) =>
    Object.fromEntries([...all].map(([name, found]) => [name, found.map(({ kind }) => kind)]));
  return { networks: kinds(networks), containers: kinds(containers) };
};
const withLink = (name: string, link: LinkFact | undefined) => {
  const changed = new Map(links);
  if (link === undefined) changed.delete(name);
  else changed.set(name, link);
  return { links: changed };
};
const without = (rule: RegExp) => ({
  firewall: {
    ipv4: saved
      .split('\n')
      .filter((line) => !rule.test(line))
      .join('\n'),
    ipv6: '',
  },
});

describe('damage', () => {
  test('there is none where all is as it was made, and none to interfaces of what does not run', () => {
    expect(damage({})).toEqual({ networks: {}, containers: {} });
  });

  test.each([
    ['a deleted bridge', withLink(front.bridge, undefined), { front: ['bridge'] }, {}],
    [
      'a bridge of the same name that somebody else made',
      withLink(front.bridge, { ...bridge, index: 7 }),
      { front: ['bridge'] },
      {},
    ],
    ['a bridge that is down', withLink(front.bridge, { ...bridge, isUp: false }), { front: ['bridge'] }, {}],
    ['a bridge without its address', withLink(front.bridge, { ...bridge, addresses: [] }), { front: ['address'] }, {}],
    ['forwarding turned off', { forwarding: { ipv4: false, ipv6: false } }, { front: ['bridge'] }, {}],
    ['a deleted interface', withLink(veth, undefined), {}, { web: ['interface'] }],
    [
      'an interface taken off its bridge',
      withLink(veth, { index: 9, isUp: true, mtu: 1500, addresses: [] }),
      {},
      { web: ['interface'] },
    ],
    ['one port map', without(/--dport 8081/), {}, { web: ['firewall'] }],
    ['a rule of the network', without(/ -s 172.20.0.0\/24 ! -o/), { front: ['firewall'] }, {}],
    ['a jump', without(/^-A POSTROUTING/), { front: ['firewall'] }, {}],
    [
      'the whole firewall',
      { firewall: { ipv4: '', ipv6: '' } },
      { front: ['firewall'] },
      { web: ['firewall'], db: ['firewall'] },
    ],
  ])('%s is seen, and whose it is', (_, changes, networks, containers) => {
    expect(damage(changes)).toEqual({ networks, containers });
  });

  test("a stranger's rule in a chain of ours, and another order, are seen", () => {
    const stranger = saved.replace(/^(-A TC-1a2b-GUARD)/m, '$1 -j ACCEPT\n$1');
    expect(damage({ firewall: { ipv4: stranger, ipv6: '' } }).networks).toEqual({ front: ['firewall'] });
    const lines = saved.split('\n');
    const last = lines.findLastIndex((line) => line.startsWith('-A TC-1a2b-GUARD'));
    [lines[last], lines[last - 1]] = [lines[last - 1]!, lines[last]!];
    expect(damage({ firewall: { ipv4: lines.join('\n'), ipv6: '' } }).networks).toEqual({ front: ['firewall'] });
  });

  test('only the damaged table is written again', () => {
    const broken = parseSaved(saved.replace(/^.*--dport 8081.*\n/m, ''), '1a2b');
    expect(restoreText(firewallOf(records, '1a2b', 4), broken).match(/^\*.*$/gm)).toEqual(['*nat']);
  });

  test('a jump that is there twice goes once', () => {
    const twice = parseSaved(saved.replace(/^(-A POSTROUTING .*)$/m, '$1\n$1'), '1a2b');
    expect(restoreText(firewallOf(records, '1a2b', 4), twice).match(/^-D POSTROUTING/gm)).toHaveLength(1);
  });
});

test('what carries the name of the instance and belongs to nothing is found, and nothing of others', () => {
  const all = new Map([
    ...links,
    ['tcb1a2bdeadbeef', bridge],
    ['tcv1a2bdeadbeef', port],
    ['tcbffffdeadbeef', bridge],
    ['eth0', port],
  ]);
  const left = leftoverNames({ networks: [front], containers: [] }, { ...whole, links: all }, '1a2b');
  expect(left.interfaces).toEqual([veth, 'tcb1a2bdeadbeef', 'tcv1a2bdeadbeef']);
  expect(left.chains).toContain('TC-1a2b-GUARD');
});

describe('what the host was like', () => {
  test('survives in the alias of a bridge', () => {
    const before = { forward4: '0', policy4: 'ACCEPT', accept_ra: 'eth0,wlan0.5' } as const;
    const alias = aliasOf('1a2b', 'shop_front', formatBefore(before));
    expect(alias).toBe('tcompose 1a2b shop_front was: forward4=0 policy4=ACCEPT accept_ra=eth0,wlan0.5');
    expect(parseBefore(alias)).toEqual(before);
  });

  test('is nothing to remember where nothing was changed', () => {
    expect(parseBefore(aliasOf('1a2b', 'shop_front', formatBefore({})))).toEqual({});
  });
});
