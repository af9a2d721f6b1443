/** Which network leads outside, as measured with Docker 28 beside it. */
import { expect, test } from 'vitest';
import { mainEndpoint } from '../../../engine/network/main-endpoint.ts';
import { containerRecord, networkRecord } from './records.ts';

const networks = new Map(
  [
    networkRecord('v4', ['10.1.0.0/24']),
    networkRecord('dual', ['10.2.0.0/24', 'fd00:2::/64'], { enableIpv6: true }),
    networkRecord('v6', ['fd00:3::/64'], { enableIpv4: false, enableIpv6: true }),
    networkRecord('dual2', ['10.4.0.0/24', 'fd00:4::/64'], { enableIpv6: true }),
    networkRecord('closed', ['10.5.0.0/24', 'fd00:5::/64'], { enableIpv6: true, internal: true }),
  ].map((network) => [network.name, network]),
);
const ADDRESSES = {
  v4: '10.1.0.2',
  dual: ['10.2.0.2', 'fd00:2::2'],
  v6: 'fd00:3::2',
  dual2: ['10.4.0.2', 'fd00:4::2'],
  closed: ['10.5.0.2', 'fd00:5::2'],
};
type Name = keyof typeof ADDRESSES;

test.each<[readonly Name[], Name | undefined, Name | undefined]>([
  [['v4'], 'v4', undefined],
  [['v4', 'v6'], 'v4', 'v6'],
  [['v6', 'v4'], 'v4', 'v6'],
  [['v4', 'dual'], 'dual', 'dual'],
  [['v6', 'dual'], 'dual', 'dual'],
  [['v4', 'v6', 'dual'], 'dual', 'dual'],
  [['dual2', 'dual'], 'dual2', 'dual2'],
  [['closed', 'v4'], 'v4', undefined],
  [['closed'], undefined, undefined],
])('of %j, in that order, IPv4 leaves by %s and IPv6 by %s', (order, four, six) => {
  const container = containerRecord('web', {
    addresses: Object.fromEntries(order.map((name) => [name, ADDRESSES[name]])),
  });
  const main = (family: 4 | 6) => mainEndpoint(container, networks, family)?.network;
  expect([main(4), main(6)]).toEqual([four, six]);
});
