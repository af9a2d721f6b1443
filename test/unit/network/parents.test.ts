/** Networks without a bridge: what their options mean, and what neither firewall nor name servers may take them for. */
import { describe, expect, test } from 'vitest';
import { dnsmasqConfig } from '../../../engine/dns/dnsmasq-config.ts';
import { nameServers, relayRecord } from '../../../engine/dns/resolver-ops.ts';
import { zonesOf } from '../../../engine/dns/zone.ts';
import { allotEndpoints } from '../../../engine/network/endpoints.ts';
import { firewallOf } from '../../../engine/network/firewall.ts';
import { isOutOfReach } from '../../../engine/network/main-endpoint.ts';
import { parentOptions, vlanOf } from '../../../engine/network/parent-options.ts';
import { guardOf } from '../../../engine/network/spoof-guard.ts';
import { allotSubnets } from '../../../engine/network/subnets.ts';
import type { ContainerRecord, NetworkRecord } from '../../../engine/state/records.ts';
import { aContainer, aNetwork, anAttachment, containerRecord, networkRecord } from './records.ts';

const upon = (name: string, subnet: string, driverOpts: Record<string, string> = {}): NetworkRecord => ({
  ...networkRecord(name, [subnet], { driver: 'macvlan', driverOpts: { parent: 'eth0', ...driverOpts } }),
  bridge: '',
  parent: { name: 'eth0' },
});
const lan = upon('lan', '192.0.2.0/24');
const front = networkRecord('front', ['172.20.0.0/24']);
const records = (...containers: ContainerRecord[]) => ({ networks: [lan, front], containers });
/** As records of containers upon a parent are. */
const placed = (name: string, addresses: Record<string, string>, ports: ContainerRecord['publishers'] = []) => {
  const record = containerRecord(name, { addresses, ports });
  const endpoints = record.endpoints.map((one) => (one.network === 'lan' ? { ...one, hostInterface: '' } : one));
  return { ...record, endpoints, resolverPort: 10_053 };
};
const one = placed('one', { lan: '192.0.2.5' }, [{ protocol: 'tcp', target: 80, hostIp: '', published: 8080 }]);

describe('options', () => {
  const of = (driver: 'macvlan' | 'ipvlan', driverOpts: Record<string, string>) =>
    parentOptions(aNetwork('n', { driver, driverOpts }));
  test("have Docker's defaults", () => {
    expect(of('macvlan', {})).toMatchObject({ mode: 'bridge', modeNumber: 4, sharesMac: false, isRouted: false });
    expect(of('ipvlan', { parent: 'eth0' })).toMatchObject({
      parent: 'eth0',
      mode: 'l2',
      modeNumber: 0,
      flagNumber: 0,
    });
    expect(of('ipvlan', { ipvlan_mode: 'l3s', ipvlan_flag: 'vepa' })).toMatchObject({
      modeNumber: 2,
      flagNumber: 2,
      isRouted: true,
    });
    expect(of('macvlan', { macvlan_mode: 'passthru' })).toMatchObject({ isAlone: true, sharesMac: true });
  });
  test('that no driver has are refused by name', () => {
    expect(() => of('macvlan', { macvlan_mode: 'source' })).toThrow('macvlan_mode: source');
    expect(() => of('ipvlan', { ipvlan_mode: 'L2' })).toThrow('ipvlan_mode: L2');
    expect(() => of('macvlan', { macvlan_mode: 'constructor' })).toThrow('constructor');
    for (const parent of ['../x', 'lo', 'a b', 'x'.repeat(16)])
      expect(() => of('macvlan', { parent }), parent).toThrow('parent');
  });
  test('a parent may name a VLAN', () => {
    expect(vlanOf('eth0.50')).toEqual({ base: 'eth0', id: 50 });
    expect(vlanOf('bond0.1.4094')).toEqual({ base: 'bond0.1', id: 4094 });
    for (const none of ['eth0', 'eth0.0', 'eth0.4095', 'eth0.x', '.5']) expect(vlanOf(none), none).toBeUndefined();
  });
});

test('a subnet may lie within a route of the host: that is where the containers are to be', () => {
  const route = { family: 4 as const, value: 0xc0000200n, length: 24, device: 'eth0' };
  const asked = aNetwork('lan', { driver: 'macvlan', ipam: [{ subnet: '192.0.2.0/24' }] });
  expect(allotSubnets(asked, 'id', { networks: [], host: [route] })).toHaveLength(1);
  expect(() => allotSubnets({ ...asked, driver: 'bridge' }, 'id', { networks: [], host: [route] })).toThrow('eth0');
});

test('endpoints have no end on the host; a hardware address only where the driver has them, and one place where there is one', () => {
  const on = (network: NetworkRecord, mac?: string) =>
    allotEndpoints(
      aContainer('x', { attachments: [anAttachment(network.name, mac ? { mac } : {})] }),
      'id',
      { networks: [network], containers: [placed('y', { lan: '192.0.2.9' })] },
      '1a2b',
    )[0];
  expect(on(lan)).toMatchObject({ hostInterface: '', mac: '02:42:c0:00:02:02' });
  const ipvlan: NetworkRecord = { ...lan, madeFrom: { ...lan.madeFrom, driver: 'ipvlan' } };
  expect(on(ipvlan)).toMatchObject({ hostInterface: '', mac: '' });
  expect(() => on(ipvlan, '02:00:00:00:00:01')).toThrow('all have that of the parent');
  expect(() => on(upon('lan', '192.0.2.0/24', { macvlan_mode: 'passthru' }))).toThrow('which y has');
});

test('the firewall and the guard against forged addresses know nothing of them', () => {
  expect(firewallOf(records(one), '1a2b', 4)).toBeUndefined();
  expect(guardOf(records(one))).toEqual({ ports: [], subnets: [] });
  const both = placed('both', { lan: '192.0.2.6', front: '172.20.0.2' }, one.publishers);
  expect(JSON.stringify(firewallOf(records(both), '1a2b', 4))).not.toMatch(/192\.0\.2|8080|10053/);
  expect([isOutOfReach(one, [lan, front]), isOutOfReach(both, [lan, front])]).toEqual([true, true]);
  const bridgeFirst = placed('first', { front: '172.20.0.2', lan: '192.0.2.6' }, one.publishers);
  expect(JSON.stringify(firewallOf(records(bridgeFirst), '1a2b', 4))).toContain('172.20.0.2:80');
  expect(isOutOfReach(bridgeFirst, [lan, front])).toBe(false);
});

test('the name server of such a view listens on the loopback alone, and the supervisor passes on what 127.0.0.11 is asked', () => {
  const [zone] = zonesOf(records(one));
  expect(zone).toMatchObject({ bridges: [], port: 10_053 });
  expect(zone!.loopback).toMatch(/^127\.(12[89]|1[3-9]\d|2\d\d)\./);
  expect([...zone!.hosts.values()].join('')).not.toContain('host.docker.internal');
  const files = { hosts: '/h', routes: '/r', pid: '/p', log: '/l' } as Parameters<typeof dnsmasqConfig>[1];
  const config = dnsmasqConfig(zone!, files, 'nobody').split('\n');
  expect(config).toContain(`listen-address=${zone!.loopback}`);
  expect(config.filter((line) => /^(interface|bind-dynamic|except)/.test(line))).toEqual([]);
  expect(nameServers(one, records(one))).toEqual(['127.0.0.11']);
  const record = Buffer.from(relayRecord(one, records(one)));
  expect(record).toHaveLength(40);
  expect([...record.subarray(24, 28)].join('.')).toBe(zone!.loopback);
  expect(record.readUInt16BE(22)).toBe(10_053);
  const plain = placed('plain', { front: '172.20.0.3' });
  expect(relayRecord(plain, records(plain))).toHaveLength(0);
});
