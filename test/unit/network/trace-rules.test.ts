/** Which rules a packet meets, by the words of iptables-save. */
import { expect, test } from 'vitest';
import { countersOf, matches, type Packet, parseRules, walk } from '../../../engine/network/trace-rules.ts';

const packet: Packet = {
  in: 'eth0',
  out: 'tcb1a2b00000001',
  source: '198.51.100.1',
  destination: '172.18.0.2',
  protocol: 'tcp',
  port: 80,
  states: ['NEW', 'DNAT'],
  isLocal: (address) => address === '198.51.100.2',
};
const SAVED = `*nat
:PREROUTING ACCEPT [0:0]
:PORTS - [0:0]
[5:300] -A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment "jump -j DROP" -j PORTS
[5:300] -A PORTS -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.2:80
COMMIT
*filter
:FORWARD DROP [7:420]
:USER - [0:0]
[1:60] -A FORWARD -j USER
[2:120] -A USER -s 10.0.0.0/8 -j DROP
[3:180] -A USER -m mark --mark 0x1 -j DROP
[4:240] -A USER -p tcp -m multiport --dports 22,80:90 -j RETURN
[0:0] -A USER -j REJECT --reject-with icmp-port-unreachable
[9:540] -A FORWARD -o tcb1a2b+ -m conntrack --ctstate ESTABLISHED,DNAT -j ACCEPT
COMMIT
`;
const rules = parseRules(SAVED);

test('a rule matches by interfaces, addresses, ports, states and kinds of addresses', () => {
  const yes = [
    '-i eth0',
    '-o tcb1a2b+',
    '! -i lo',
    '-s 198.51.100.0/24 -d 172.18.0.2/32',
    '-p tcp -m tcp --dport 80',
    '-m conntrack --ctstate DNAT',
    '! -d 127.0.0.0/8',
    '-m addrtype ! --dst-type LOCAL',
  ];
  for (const text of yes) expect(matches(`${text} -j DROP`, packet), text).toBe(true);
  const no = [
    '-i lo',
    '! -o tcb1a2b+',
    '-s 10.0.0.0/8',
    '-p udp',
    '-p tcp --dport 81:90',
    '-m conntrack --ctstate ESTABLISHED',
    '-m mark --mark 0x1 -p udp',
  ];
  for (const text of no) expect(matches(`${text} -j DROP`, packet), text).toBe(false);
  for (const text of ['-m mark --mark 0x1', '-m set --match-set bad src'])
    expect(matches(`${text} -j DROP`, packet), text).toBe(undefined);
});

test('a connection is led by its port map, whatever a comment says', () => {
  const found = walk(
    rules,
    'nat PREROUTING',
    { ...packet, destination: '198.51.100.2', port: 8080, states: ['NEW'] },
    new Map(),
  );
  expect(found).toMatchObject({ ledTo: '172.18.0.2:80', verdict: { target: 'DNAT', packets: 5 } });
});

test('chains return to who called; what cannot be judged is told, with whether it has counted', () => {
  const before = new Map(
    [...countersOf(rules)].map(([key, packets]) => [key, key.includes('--mark') ? packets - 1 : packets]),
  );
  const found = walk(rules, 'filter FORWARD', packet, before);
  expect(found.verdict).toMatchObject({ target: 'ACCEPT', chain: 'filter FORWARD' });
  expect(found.met.map(({ target }) => target)).toEqual(['RETURN', 'ACCEPT']);
  expect(found.uncertain).toMatchObject([{ rose: true, target: 'DROP' }]);
});

test('who meets no rule gets the policy', () => {
  const other = { ...packet, out: 'eth1', port: 22 };
  expect(walk(rules, 'filter FORWARD', other, new Map()).verdict).toMatchObject({
    target: 'DROP',
    text: 'policy DROP of the chain FORWARD',
  });
  expect(walk(rules, 'filter FORWARD', { ...packet, port: 21 }, new Map()).verdict).toMatchObject({ target: 'REJECT' });
  expect(walk(rules, 'nat PREROUTING', packet, new Map()).verdict).toBe(undefined);
});
