/** Which veth may say what, and that any number of them fits what the kernel takes at once. */
import { expect, test } from 'vitest';
import { guardBatches, guardOf } from '../../../engine/network/spoof-guard.ts';
import { containerRecord, networkRecord } from './records.ts';

const front = networkRecord('front', ['172.20.0.0/24', 'fd00:1::/64']);
const back = networkRecord('back', ['172.21.0.0/24']);
const web = containerRecord('web', { addresses: { front: ['172.20.0.2', 'fd00:1::2'], back: '172.21.0.2' } });

test('a container may use all of its addresses on each of its interfaces, and a link-local one where it has IPv6', () => {
  const { ports, subnets } = guardOf({ networks: [front, back], containers: [web] });
  expect(subnets).toEqual(['172.20.0.0/24', '172.21.0.0/24', 'fd00:1::/64']);
  const own = ['172.20.0.2', 'fd00:1::2', '172.21.0.2'];
  expect(ports.map(({ addresses }) => addresses.filter((one) => !one.startsWith('fe80')))).toEqual([own, own]);
  expect(ports.map(({ addresses }) => addresses.filter((one) => one.startsWith('fe80')).length).sort()).toEqual([0, 1]);
});

test('a network that asks for it goes without, as does who is not wanted', () => {
  const open = networkRecord('front', ['172.20.0.0/24'], { driverOpts: { 'tcompose.anti_spoofing': 'false' } });
  expect(guardOf({ networks: [open, back], containers: [web] }).ports).toHaveLength(1);
  expect(guardOf({ networks: [front, back], containers: [{ ...web, wanted: false }] }).ports).toEqual([]);
});

test('while its address is changed it may have the old one too', () => {
  const before = [{ ...web.endpoints[0]!, ipv4: { address: '172.20.0.9', prefix: 24 } }];
  const [port] = guardOf({ networks: [front], containers: [{ ...web, before }] }).ports;
  expect(port!.addresses).toEqual(expect.arrayContaining(['172.20.0.2', '172.20.0.9']));
});

test.each([0, 1, 3000])('%i interfaces make transactions that the kernel takes', (count) => {
  const ports = Array.from({ length: count }, (_, i) => ({
    link: `tcv1a2b${i.toString(16).padStart(8, '0')}`,
    macs: ['02:00:00:00:00:01'],
    addresses: [`10.0.${i >> 8}.${i & 255}`, `fd00::${i.toString(16)}`, 'fe80::1'],
    isRouter: i % 2 === 0,
    behind: i % 1000 === 0 ? ['10.1.0.0/16', 'fd01::/64'] : [],
  }));
  const batches = guardBatches('1a2b', { ports, subnets: ['10.0.0.0/16'] });
  // net.core.wmem_default, and its overhead.
  for (const bytes of batches) expect(bytes.length).toBeLessThan(200_000);
  expect(batches.length > 1).toBe(count > 1000);
});
