import { describe, expect, test } from 'vitest';
import { dnsmasqConfig } from '../../../engine/dns/dnsmasq-config.ts';
import { nameServers } from '../../../engine/dns/resolver-ops.ts';
import { allotResolverPorts, resolverOf, viewOf } from '../../../engine/dns/views.ts';
import { linkLines, reverseZones, type Zone, zonesOf } from '../../../engine/dns/zone.ts';
import { containerRecord, networkRecord } from '../network/records.ts';

const front = networkRecord('front', ['172.20.0.0/24']);
const back = networkRecord('back', ['172.21.0.0/24']);
const inner = networkRecord('inner', ['172.22.0.0/24'], { internal: true });
const networks = [front, back, inner];
const records = { networks, containers: [] };
type Record = ReturnType<typeof containerRecord>;

const web = containerRecord('shop-web-1', { addresses: { front: '172.20.0.2' }, aliases: ['web', 'shop.example'] });
const app = containerRecord('shop-app-1', { addresses: { front: '172.20.0.3', back: '172.21.0.2' }, aliases: ['app'] });
const db = containerRecord('shop-db-1', { addresses: { back: '172.21.0.3' }, aliases: ['db'] });
const asking = (servers: string[], addresses: { [network: string]: string } = { front: '172.20.0.5' }) =>
  containerRecord('shop-x-1', { addresses, changes: { dns: { servers, search: [], options: [] } } });

const zones = (...containers: Record[]) => zonesOf({ networks, containers });
const zoneFor = (asker: Record, ...others: Record[]): Zone =>
  zones(asker, ...others).find(({ key }) => key === viewOf(asker, { networks, containers: [asker, ...others] })!.key)!;
const linesOf = ({ hosts }: Zone) => [...hosts.values()].join('').split('\n').filter(Boolean);

describe('what a container can find out', () => {
  test('is every name of whoever shares a network with it, with and without the name of the network', () => {
    const id = web.id.slice(0, 12);
    expect(linesOf(zoneFor(web, app, db))[0]).toBe(
      `172.20.0.2 shop-web-1.front shop-web-1 web shop.example ${id} web.front shop.example.front ${id}.front`,
    );
    const known = (asker: Record, ...others: Record[]) =>
      linesOf(zoneFor(asker, ...others)).map((line) => line.split(' ')[0]);
    expect(known(web, app, db)).toEqual(['172.20.0.2', '172.20.0.3', '172.20.0.1']);
    expect(known(db, web, app)).toEqual(['172.21.0.3', '172.21.0.2', '172.21.0.1']);
    expect(known(app, web, db).sort()).toEqual(
      ['172.20.0.1', '172.20.0.2', '172.20.0.3', '172.21.0.1', '172.21.0.2', '172.21.0.3'].sort(),
    );
  });

  test('is nothing of those who do not want to run: without any there is no server', () => {
    expect(zones({ ...web, wanted: false })).toEqual([]);
    expect(linesOf(zoneFor(web, { ...app, wanted: false })).join()).not.toContain('shop-app-1');
  });

  test('is where the host is, but not on a network that is cut off', () => {
    expect(linesOf(zoneFor(web)).at(-1)).toBe('172.20.0.1 host.docker.internal gateway.docker.internal');
    const vault = containerRecord('vault', { addresses: { inner: '172.22.0.2' } });
    expect(linesOf(zoneFor(vault))).toHaveLength(1);
  });

  test("is a link's alias, for who has the link; a link by a name that all know makes no difference", () => {
    const linked = (alias: string) =>
      containerRecord('shop-api-1', {
        addresses: { back: '172.21.0.9' },
        changes: { links: [{ container: 'shop-db-1', aliases: [alias, 'db'] }] },
      });
    const other = containerRecord('shop-job-1', { addresses: { back: '172.21.0.8' } });
    expect(linesOf(zoneFor(linked('pg'), db, other))).toContain('172.21.0.3\tpg db shop-db-1');
    expect(linesOf(zoneFor(other, db, linked('pg'))).join()).not.toContain('pg');
    expect(zoneFor(linked('db'), db, other).key).toBe(zoneFor(other, db, linked('db')).key);
  });

  test('is no name that is none', () => {
    const odd = containerRecord('shop-odd-1', {
      addresses: { front: '172.20.0.9' },
      aliases: ['a b', 'x\n1.2.3.4 evil', 'localhost', '-x', 'ok'],
    });
    expect(linesOf(zoneFor(odd))[0]!.split(' ').slice(1, 4)).toEqual(['shop-odd-1.front', 'shop-odd-1', 'ok']);
  });

  test('names with dots and addresses of its networks are asked of nobody else', () => {
    expect(zoneFor(web).routes.split('\n')).toEqual([
      'server=/docker.internal/',
      'server=/shop.example/',
      'server=/front/',
      'server=/0.20.172.in-addr.arpa/',
      '',
    ]);
  });
});

describe('name servers', () => {
  test('are one for all containers of the same networks that ask the same servers', () => {
    const twin = containerRecord('shop-web-2', { addresses: { front: '172.20.0.4' } });
    const special = asking(['9.9.9.9', 'evil\nserver=1.1.1.1']);
    const all = zones(web, twin, app, special);
    expect(all).toMatchObject([
      { networks: ['front'], upstreams: [], port: 53, bridges: [front.bridge] },
      { networks: ['back', 'front'], upstreams: [], bridges: [back.bridge, front.bridge] },
      { networks: ['front'], upstreams: ['9.9.9.9'], bridges: [front.bridge] },
    ]);
  });

  test('have ports of their own where several are on one bridge, kept while somebody asks there', () => {
    const give = (wanted: Record[], running: Record[]) =>
      allotResolverPorts(wanted, { networks, containers: running }).map(({ resolverPort }) => resolverPort);
    expect(give([web, app, asking(['9.9.9.9'])], [])).toEqual([undefined, 10053, 10054]);
    expect(give([app], [{ ...asking(['9.9.9.9']), resolverPort: 10053 }])).toEqual([10054]);
    expect(give([app], [{ ...app, name: 'twin', resolverPort: 10099 }])).toEqual([10099]);
    expect(give([app], [{ ...asking(['9.9.9.9']), resolverPort: 10053, wanted: false }])).toEqual([10053]);
  });

  test('have no way to ask anybody where none of the networks leads outside', () => {
    const files = { hosts: '/h', routes: '/r', pid: '/p', log: '/l' };
    const config = (record: Record) => dnsmasqConfig(zoneFor(record), files, 'nobody');
    expect(config(asking(['9.9.9.9'], { inner: '172.22.0.5' }))).toContain('no-resolv\nno-poll');
    expect(config(asking(['9.9.9.9'], { inner: '172.22.0.5' }))).not.toContain('9.9.9.9');
    expect(config(web)).not.toContain('no-resolv');
    expect(config(asking(['9.9.9.9'], { inner: '172.22.0.5', front: '172.20.0.5' }))).toContain('server=9.9.9.9\n');
  });
});

test.each([
  [
    '172.18.0.0/22',
    ['0.18.172.in-addr.arpa', '1.18.172.in-addr.arpa', '2.18.172.in-addr.arpa', '3.18.172.in-addr.arpa'],
  ],
  ['10.9.0.0/16', ['9.10.in-addr.arpa']],
  ['192.168.7.128/25', ['7.168.192.in-addr.arpa']],
  ['fd00::/64', []],
])('addresses of %s are looked up in %j', (subnet, expected) => {
  expect(reverseZones(subnet)).toEqual(expected);
});

describe('what a container is told', () => {
  test('its name server is at 127.0.0.11, which leads to the gateway of its first network that leads outside', () => {
    const both = containerRecord('x', { addresses: { inner: '172.22.0.2', front: '172.20.0.2' } });
    expect(nameServers(both, records)).toEqual(['127.0.0.11']);
    expect(resolverOf({ ...both, resolverPort: 10060 }, records)).toEqual({ address: '172.20.0.1', port: 10060 });
    const cutOff = containerRecord('x', { addresses: { inner: '172.22.0.2' } });
    expect(resolverOf(cutOff, records)).toEqual({ address: '172.22.0.1', port: 53 });
    expect(nameServers(containerRecord('x', { addresses: {} }), records)).toEqual([]);
  });

  test('with IPv6 alone, its name server is the gateway itself', () => {
    const six = networkRecord('six', ['fd00:1::/64']);
    const record = containerRecord('x', { addresses: { six: 'fd00:1::2' } });
    expect(nameServers(record, { networks: [six], containers: [] })).toEqual([six.subnets[0]!.gateway]);
  });

  test('links lead over a network that both are in, and nowhere else', () => {
    const linked = (addresses: { [network: string]: string }) =>
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
