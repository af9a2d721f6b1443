import { describe, expect, test } from 'vitest';
import { findPrefix, overlap } from '../../../engine/network/addresses.ts';
import { allotEndpoints } from '../../../engine/network/endpoints.ts';
import { allotSubnets } from '../../../engine/network/subnets.ts';
import { aContainer, aNetwork, anAttachment, containerRecord, networkRecord } from './records.ts';

const free = { networks: [], host: [] };
const prefixes = (...texts: string[]) => texts.map((text) => findPrefix(text)!);

describe('subnets', () => {
  test('the first network looks as under Docker', () => {
    expect(allotSubnets(aNetwork('a'), 'x', free)).toEqual([
      { subnet: '172.18.0.0/22', gateway: '172.18.0.1', prefix: 22 },
    ]);
  });

  test('what the host routes is passed over, wide or narrow', () => {
    const [subnet] = allotSubnets(aNetwork('a'), 'x', {
      networks: [],
      host: prefixes('172.18.0.0/16', '172.19.0.77/32', '172.16.0.0/14'),
    });
    expect(subnet!.subnet).toBe('172.20.0.0/22');
  });

  test('networks of the instance never overlap, until there is no room', () => {
    const networks = [networkRecord('a', ['172.18.0.0/22']), networkRecord('b', ['172.18.6.0/24'])];
    expect(allotSubnets(aNetwork('c'), 'x', { networks, host: [] })[0]!.subnet).toBe('172.18.8.0/22');
    const everything = prefixes('172.16.0.0/12', '192.168.0.0/16', '10.0.0.0/8');
    expect(() => allotSubnets(aNetwork('c'), 'x', { networks, host: everything })).toThrow(
      /all private ones are in use/,
    );
  });

  test('a subnet that was asked for is given, with its gateway', () => {
    const ipam = [{ subnet: '10.9.0.0/16', gateway: '10.9.255.254' }];
    expect(allotSubnets(aNetwork('a', { ipam }), 'x', { networks: [], host: prefixes('10.10.0.0/16') })).toEqual([
      { subnet: '10.9.0.0/16', gateway: '10.9.255.254', prefix: 16 },
    ]);
  });

  test.each([
    [{ subnet: '10.9.0.0' }, /which is none/],
    [{ subnet: '172.30.0.0/16' }, /overlaps with that of other/],
    [{ subnet: '192.0.2.0/24' }, /overlaps with this host's route 192.0.2.0\/24 that leads to tun0/],
    [{ subnet: '192.0.0.0/16' }, /overlaps with this host's route 192.0.2.0\/24 that leads to tun0/],
    [{ subnet: '192.0.2.64/26' }, /overlaps with this host's route 192.0.2.0\/24 that leads to tun0/],
    [{ subnet: '10.9.0.0/24', gateway: '10.9.0.0' }, /the gateway 10.9.0.0, which is not within/],
    [{ subnet: '10.9.0.0/24', ipRange: '10.9.1.0/28' }, /the range 10.9.1.0\/28, which is not within/],
    [{ subnet: '10.9.0.0/24', ipRange: '10.9.0.0/16' }, /the range 10.9.0.0\/16, which is not within/],
    [{ subnet: '10.9.0.0/24', auxAddresses: { a: '10.8.0.1' } }, /the auxiliary address a: 10.8.0.1/],
    [{ subnet: '10.9.0.0/24', gateway: '10.8.0.1' }, /not within 10.9.0.0\/24/],
    [{ gateway: '10.8.0.1' }, /without a subnet/],
  ])('%j is refused', (pool, why) => {
    const taken = {
      networks: [networkRecord('other', ['172.30.4.0/24'])],
      host: [{ ...prefixes('192.0.2.0/24')[0]!, device: 'tun0' }],
    };
    expect(() => allotSubnets(aNetwork('a', { ipam: [pool] }), 'x', taken)).toThrow(why);
  });

  test('a subnet that hides a route of the host is given to who says that it is meant', () => {
    const meant = { ipam: [{ subnet: '10.9.0.0/16' }], driverOpts: { 'tcompose.allow_route_overlap': 'true' } };
    const host = prefixes('10.0.0.0/8');
    expect(allotSubnets(aNetwork('a', meant), 'x', { networks: [], host })[0]!.subnet).toBe('10.9.0.0/16');
  });

  test('several subnets of a family are all given', () => {
    const ipam = ['10.1.0.0/24', 'fd00:5::/64', '10.2.0.0/24', 'fd00:6::/64'].map((subnet) => ({ subnet }));
    const given = allotSubnets(aNetwork('a', { ipam, enableIpv6: true }), 'x', free);
    expect(given.map(({ subnet }) => subnet)).toEqual(['10.1.0.0/24', '10.2.0.0/24', 'fd00:5::/64', 'fd00:6::/64']);
  });

  test('three hundred networks fit beside a VPN that has half of the private addresses', () => {
    const networks: ReturnType<typeof networkRecord>[] = [];
    const host = prefixes('10.0.0.0/8', '172.16.0.0/13', '192.168.1.0/24');
    for (let i = 0; i < 300; i++) {
      const [subnet] = allotSubnets(aNetwork(`n${i}`), `${i}`, { networks, host });
      networks.push(networkRecord(`n${i}`, [subnet!.subnet]));
    }
    const all = networks.map(({ subnets }) => findPrefix(subnets[0]!.subnet)!);
    for (const [i, one] of all.entries()) {
      expect(host.some((used) => overlap(used, one))).toBe(false);
      expect(all.slice(i + 1).some((other) => overlap(other, one))).toBe(false);
    }
  });

  test('IPv6 comes from the range of local addresses, IPv4 first in order, and two networks differ', () => {
    const wanted = aNetwork('a', { enableIpv6: true });
    const [four, six] = allotSubnets(wanted, 'x', free);
    expect(four!.subnet).toBe('172.18.0.0/22');
    expect(overlap(findPrefix(six!.subnet)!, findPrefix('fd00::/8')!)).toBe(true);
    expect(six!.prefix).toBe(64);
    expect(allotSubnets(wanted, 'y', free)[1]!.subnet).not.toBe(six!.subnet);
  });

  test('a network without IPv4 has none', () => {
    expect(allotSubnets(aNetwork('a', { enableIpv4: false, enableIpv6: true }), 'x', free)).toHaveLength(1);
  });
});

describe('endpoints', () => {
  const id = 'c0ffee'.padEnd(64, '0');
  const front = networkRecord('front', ['172.20.0.0/24', 'fd00:1::/64'], { enableIpv6: true });
  const back = networkRecord('back', ['172.21.0.0/29'], {
    ipam: [{ subnet: '172.21.0.0/29', auxAddresses: { router: '172.21.0.2' } }],
  });
  const allot = (
    attachments: ReturnType<typeof anAttachment>[],
    containers: ReturnType<typeof containerRecord>[] = [],
  ) => allotEndpoints(aContainer('web', { attachments }), id, { networks: [front, back], containers }, '1a2b');

  test('addresses are the lowest free, in both families, and hardware addresses go with them', () => {
    const [endpoint] = allot(
      [anAttachment('front')],
      [containerRecord('a', { addresses: { front: ['172.20.0.2', 'fd00:1::3'] } })],
    );
    expect(endpoint).toMatchObject({
      ipv4: { address: '172.20.0.3', prefix: 24 },
      ipv6: { address: 'fd00:1::2', prefix: 64 },
      mac: '02:42:ac:14:00:03',
      interfaceName: 'eth0',
    });
    expect(endpoint!.hostInterface).toMatch(/^tcv1a2b[0-9a-f]{8}$/);
  });

  test('auxiliary addresses and those of stopped containers stay reserved', () => {
    const stopped = containerRecord('a', { addresses: { back: '172.21.0.3' }, wanted: false });
    expect(allot([anAttachment('back')], [stopped])[0]!.ipv4!.address).toBe('172.21.0.4');
  });

  test('that of one that does not run goes to who asks for it by number, or finds no other', () => {
    const idle = containerRecord('a', { addresses: { back: '172.21.0.3' }, wanted: false });
    const known = { networks: [back], containers: [idle], idle: new Set([idle.id]) };
    const give = (ipv4?: string, more: object = {}) =>
      allotEndpoints(
        aContainer('web', { attachments: [anAttachment('back', ipv4 === undefined ? {} : { ipv4 })] }),
        id,
        { ...known, ...more },
        '1a2b',
      )[0]!.ipv4!.address;
    expect(give('172.21.0.3')).toBe('172.21.0.3');
    expect(give()).toBe('172.21.0.4');
    const others = ['4', '5', '6'].map((last) => containerRecord(last, { addresses: { back: `172.21.0.${last}` } }));
    expect(give(undefined, { containers: [idle, ...others] })).toBe('172.21.0.3');
    expect(() => give(undefined, { containers: [idle, ...others], avoid: ['172.21.0.3'] })).toThrow(/none is free/);
  });

  test('what somebody else asks for by number is neither given nor kept', () => {
    const web = aContainer('web', { attachments: [anAttachment('front')] });
    const before = containerRecord('web', { addresses: { front: '172.20.0.2' } }).endpoints;
    const given = (avoid: readonly string[]) =>
      allotEndpoints(web, id, { networks: [front], containers: [], avoid }, '1a2b', {
        endpoints: before,
        isWired: true,
      })[0]!.ipv4!.address;
    expect(given([])).toBe('172.20.0.2');
    expect(given(['172.20.0.2', '172.20.0.3'])).toBe('172.20.0.4');
  });

  test('what others that come along ask for by number is left to them', () => {
    const coming = [
      aContainer('web'),
      aContainer('db', { attachments: [anAttachment('front', { ipv4: '172.20.0.2' })] }),
    ];
    const records = { networks: [front, back], containers: [], coming };
    const web = aContainer('web', { attachments: [anAttachment('front')] });
    expect(allotEndpoints(web, id, records, '1a2b')[0]!.ipv4!.address).toBe('172.20.0.3');
    expect(allotEndpoints(coming[1]!, id, records, '1a2b')[0]!.ipv4!.address).toBe('172.20.0.2');
  });

  test('a full network says so', () => {
    const others = [3, 4, 5, 6].map((n) => containerRecord(`c${n}`, { addresses: { back: `172.21.0.${n}` } }));
    expect(() => allot([anAttachment('back')], others)).toThrow(/172.21.0.0\/29 of the network back, and none is free/);
  });

  test('an IP range limits what is chosen', () => {
    const ranged = networkRecord('front', ['172.20.0.0/24'], {
      ipam: [{ subnet: '172.20.0.0/24', ipRange: '172.20.0.128/30' }],
    });
    const given = allotEndpoints(
      aContainer('web', { attachments: [anAttachment('front')] }),
      id,
      { networks: [ranged], containers: [] },
      '1a2b',
    );
    expect(given[0]!.ipv4!.address).toBe('172.20.0.128');
  });

  test('each network has its interface, named ones keep their names', () => {
    const given = allot([anAttachment('front', { interfaceName: 'eth0' }), anAttachment('back')]);
    expect(given.map(({ interfaceName }) => interfaceName)).toEqual(['eth0', 'eth1']);
    expect(new Set(given.map(({ hostInterface }) => hostInterface)).size).toBe(2);
  });

  test.each([
    [{ ipv4: '172.20.0.9' }, '172.20.0.9'],
    [{ ipv6: 'FD00:1::0009' }, 'fd00:1::9'],
  ])('%j is given', (asked, address) => {
    const [endpoint] = allot([anAttachment('front', asked)]);
    expect([endpoint!.ipv4!.address, endpoint!.ipv6!.address]).toContain(address);
  });

  test.each([
    [{ ipv4: '172.20.1.9' }, /not within 172.20.0.0\/24/],
    [{ ipv4: '172.20.0.1' }, /which the gateway has/],
    [{ ipv4: '172.20.0.2' }, /which container a has/],
    [{ interfaceName: 'far/too' }, /the kernel does not take/],
    [{ interfaceName: 'lo' }, /the kernel does not take/],
    [{ mac: '01:00:5e:00:00:01' }, /no interface can have/],
    [{ network: 'nowhere' }, /does not exist/],
  ])('%j is refused', (asked, why) => {
    const other = containerRecord('a', { addresses: { front: '172.20.0.2' } });
    expect(() => allot([anAttachment('front', asked)], [other])).toThrow(why);
  });
});
