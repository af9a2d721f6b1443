import { describe, expect, test } from 'vitest';
import { dnsmasqConfig } from '../../../engine/dns/dnsmasq-config.ts';
import { linkLines, nameServers, ownersFor, reverseZones, zoneOf } from '../../../engine/dns/zone.ts';
import { containerRecord, networkRecord } from '../network/records.ts';

const front = networkRecord('front', ['172.20.0.0/24']);
const back = networkRecord('back', ['172.21.0.0/24']);
const inner = networkRecord('inner', ['172.22.0.0/24'], { internal: true });
const shared = networkRecord('shared', ['172.23.0.0/24'], { labels: { 'com.docker.compose.project': 'other' } });
const networks = [front, back, inner, shared];
const stranger = { labels: { 'com.docker.compose.project': 'other' } };

const web = containerRecord('shop-web-1', { addresses: { front: '172.20.0.2' }, aliases: ['web', 'shop.example'] });
const app = containerRecord('shop-app-1', { addresses: { front: '172.20.0.3', back: '172.21.0.2' }, aliases: ['app'] });
const zone = (containers: ReturnType<typeof containerRecord>[], owner = 'shop') =>
  zoneOf(owner, { networks, containers });

describe('a zone', () => {
  test('has a file a network, with every name of every container on it', () => {
    const id = web.id.slice(0, 12);
    expect(zone([web, app]).hosts).toEqual(
      new Map([
        ['front', `172.20.0.2 shop-web-1 web shop.example ${id}\n172.20.0.3 shop-app-1 app ${app.id.slice(0, 12)}\n`],
        ['back', `172.21.0.2 shop-app-1 app ${app.id.slice(0, 12)}\n`],
      ]),
    );
  });

  test('is empty when nobody wants to run, and there is no server then', () => {
    const stopped = { ...web, wanted: false };
    expect(zone([stopped])).toMatchObject({ servers: [], hosts: new Map() });
  });

  test("knows neither another project's names nor, as a name, what is none", () => {
    const foreign = containerRecord('other-db-1', { addresses: { shared: '172.23.0.2' }, changes: stranger });
    const odd = containerRecord('shop-odd-1', {
      addresses: { front: '172.20.0.9' },
      aliases: ['a b', 'x\n1.2.3.4 evil', 'localhost', '-x', 'ok'],
    });
    const text = [...zone([foreign, odd]).hosts.values()].join('');
    expect(text).toBe(`172.20.0.9 shop-odd-1 ok ${odd.id.slice(0, 12)}\n`);
  });

  test('of a network that another project lets us into, both know who is on it', () => {
    const guest = containerRecord('shop-api-1', {
      addresses: { front: '172.20.0.4', shared: '172.23.0.3' },
      aliases: ['api'],
    });
    const host = containerRecord('other-db-1', {
      addresses: { shared: '172.23.0.2' },
      aliases: ['db'],
      changes: stranger,
    });
    const containers = [guest, host];
    expect(ownersFor('shop', { networks, containers })).toEqual(new Set(['shop', 'other']));
    expect(zone(containers, 'shop').hosts.get('shared')).toContain('172.23.0.2 other-db-1 db');
    expect(zone(containers, 'other').hosts.get('shared')).toContain('172.23.0.3 shop-api-1 api');
    // Not its other networks: what is only on front is the shop's business, unless the guest itself is there.
    expect(zone(containers, 'other').servers.map(({ bridges }) => bridges)).toEqual([[shared.bridge]]);
  });

  test('answers names with dots itself, and addresses of its networks', () => {
    expect(zone([web]).routes).toBe('server=/shop.example/\nserver=/0.20.172.in-addr.arpa/\n');
  });

  test('asks whom its containers ask for, but not for those that are cut off', () => {
    const asking = containerRecord('shop-x-1', {
      addresses: { front: '172.20.0.5', inner: '172.22.0.5' },
      changes: { dns: { servers: ['9.9.9.9', 'evil\nserver=1.1.1.1'], search: [], options: [] } },
    });
    const { servers } = zone([asking]);
    expect(servers).toMatchObject([
      { kind: 'open', bridges: [front.bridge], upstreams: ['9.9.9.9'] },
      { kind: 'internal', bridges: [inner.bridge], upstreams: [] },
    ]);
  });
});

test('a server for the cut off has no way to ask anybody', () => {
  const files = { hosts: '/h', routes: '/r', pid: '/p', log: '/l' };
  const config = (kind: 'open' | 'internal', upstreams: string[] = []) =>
    dnsmasqConfig({ owner: 'shop', kind, bridges: ['tcb1'], upstreams }, files, 'nobody');
  expect(config('internal')).toContain('no-resolv\n');
  expect(config('open')).not.toContain('no-resolv');
  expect(config('open', ['9.9.9.9'])).toContain('no-resolv\nserver=9.9.9.9\n');
});

test.each([
  [
    '172.18.0.0/22',
    ['0.18.172.in-addr.arpa', '1.18.172.in-addr.arpa', '2.18.172.in-addr.arpa', '3.18.172.in-addr.arpa'],
  ],
  ['10.9.0.0/16', ['9.10.in-addr.arpa']],
  ['192.168.7.128/25', ['7.168.192.in-addr.arpa']],
  ['fd00::/64', []],
])('addresses of %s are looked up in %j', (subnet, zones) => {
  expect(reverseZones(subnet)).toEqual(zones);
});

describe('what a container is told', () => {
  test('its first network that leads outside has its name server', () => {
    const both = containerRecord('x', { addresses: { inner: '172.22.0.2', front: '172.20.0.2' } });
    expect(nameServers(both, networks)).toEqual(['172.20.0.1']);
    expect(nameServers(containerRecord('x', { addresses: { inner: '172.22.0.2' } }), networks)).toEqual(['172.22.0.1']);
    expect(nameServers(containerRecord('x', { addresses: {} }), networks)).toEqual([]);
  });

  test('links lead over a network that both are in, and nowhere else', () => {
    const db = containerRecord('shop-db-1', { addresses: { back: '172.21.0.3' } });
    const linked = (addresses: Record<string, string>) =>
      linkLines(
        containerRecord('x', {
          addresses,
          changes: { links: [{ container: 'shop-db-1', aliases: ['database', 'pg'] }] },
        }),
        [db],
      );
    expect(linked({ front: '172.20.0.2', back: '172.21.0.9' })).toEqual(['172.21.0.3\tdatabase pg shop-db-1']);
    expect(linked({ front: '172.20.0.2' })).toEqual([]);
  });
});
