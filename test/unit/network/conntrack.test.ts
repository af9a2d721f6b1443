/** Which flows of UDP lead elsewhere than port maps say. */
import { expect, test } from 'vitest';
import { parseFlows, staleFlows } from '../../../engine/network/conntrack.ts';
import { containerRecord, networkRecord } from './records.ts';

const HOST = '198.51.100.2';
const CLIENT = '198.51.100.1';
const line = (to: string, from: string, rest = 'mark=0 zone=0 use=2') =>
  `ipv4     2 udp      17 27 src=${CLIENT} dst=${to.split(' ')[0]} sport=4000 dport=${to.split(' ')[1]} ` +
  `src=${from.split(' ')[0]} dst=${CLIENT} sport=${from.split(' ')[1]} dport=4000 ${rest}`;

const records = (wanted: boolean) => ({
  networks: [networkRecord('front', ['172.20.0.0/24'])],
  containers: [
    containerRecord('dns', {
      addresses: { front: '172.20.0.3' },
      ports: [{ protocol: 'udp', hostIp: '', published: 5300, target: 53 }],
      wanted,
    }),
  ],
});
const stale = (text: string, wanted = true) =>
  staleFlows(parseFlows(text), records(wanted), new Set([HOST])).length > 0;

test.each([
  ['to the container, as the map says', line(`${HOST} 5300`, '172.20.0.3 53'), false],
  ['to the address it had before', line(`${HOST} 5300`, '172.20.0.2 53'), true],
  ['to another port of it', line(`${HOST} 5300`, '172.20.0.3 54'), true],
  ['to the host itself, from before there was a map', line(`${HOST} 5300`, `${HOST} 5300`), true],
  ['through this host to the same port of another', line('203.0.113.9 5300', '203.0.113.9 5300'), false],
  ['by a port that is not published any more', line(`${HOST} 5301`, '172.20.0.3 53'), true],
  ['by a map of somebody else’s', line(`${HOST} 5301`, '172.31.0.3 53'), false],
  ['straight to the container', line('172.20.0.3 53', '172.20.0.3 53'), false],
  ['in a zone of somebody else’s', line(`${HOST} 5300`, '172.20.0.2 53', 'mark=0 zone=7 use=2'), false],
])('one that leads %s', (_, text, isStale) => {
  expect(stale(text)).toBe(isStale);
});

test('once a container is not wanted, every flow that is led to it is stale', () => {
  expect(stale(line(`${HOST} 5300`, '172.20.0.3 53'), false)).toBe(true);
});

test('IPv6 addresses are compared as numbers', () => {
  const [flow] = parseFlows(
    'ipv6     10 udp      17 27 src=2001:0db8:0000:0000:0000:0000:0000:0001 dst=2001:0db8:0000:0000:0000:0000:0000:0002 sport=1 dport=2 src=fd00:0000:0000:0000:0000:0000:0000:0002 dst=2001:0db8:0000:0000:0000:0000:0000:0001 sport=2 dport=1 mark=0 zone=0 use=2',
  );
  expect(flow).toMatchObject({ original: { destination: '2001:db8::2' }, reply: { source: 'fd00::2' } });
});
