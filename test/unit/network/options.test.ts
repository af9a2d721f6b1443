import { describe, expect, test } from 'vitest';
import { checkNetwork } from '../../../engine/network/check-network.ts';
import { allotEndpoints } from '../../../engine/network/endpoints.ts';
import { firewallOf } from '../../../engine/network/firewall.ts';
import { heldSockets } from '../../../engine/network/held-ports.ts';
import { bridgeIndex } from '../../../engine/network/names.ts';
import { optionsOf } from '../../../engine/network/options.ts';
import { aContainer, aNetwork, anAttachment, containerRecord, networkRecord } from './records.ts';

const withOptions = (driverOpts: Record<string, string>, internal = false) =>
  aNetwork('front', {
    internal,
    driverOpts: Object.fromEntries(
      Object.entries(driverOpts).map(([key, value]) => [`com.docker.network.${key}`, value]),
    ),
  });

describe('options of a network', () => {
  test('nothing said is Docker’s default; words of truth are those of Go', () => {
    expect(optionsOf(withOptions({}))).toMatchObject({ icc: true, masquerade: true, inhibitIpv4: false });
    for (const no of ['false', '0', 'F', 'False']) {
      expect(optionsOf(withOptions({ 'bridge.enable_icc': no })).icc).toBe(false);
    }
    expect(optionsOf(withOptions({ 'driver.mtu': '1400' })).mtu).toBe(1400);
    expect(optionsOf(withOptions({ 'driver.mtu': '0' })).mtu).toBeUndefined();
  });

  test.each([
    [{ 'bridge.enable_icc': 'perhaps' }, /enable_icc: perhaps/],
    [{ 'driver.mtu': '20' }, /driver.mtu: 20/],
    [{ 'bridge.name': 'far-too-long-a-name' }, /bridge.name/],
    [{ 'bridge.name': 'a/b' }, /bridge.name/],
    [{ 'bridge.name': 'tcb0' }, /bridge.name/],
    [{ 'bridge.gateway_mode_ipv4': 'direct' }, /gateway_mode_ipv4: direct/],
    [{ 'bridge.gateway_mode_ipv4': 'isolated' }, /gateway_mode_ipv4: isolated/],
    [{ 'bridge.host_binding_ipv4': 'x -j ACCEPT' }, /host_binding_ipv4/],
    [{ host_ipv4: '2001:db8::1' }, /host_ipv4/],
    [{ container_iface_prefix: '../eth' }, /container_iface_prefix/],
  ])('%j is refused by name', (options, why) => {
    expect(() => checkNetwork(withOptions(options))).toThrow(why);
  });

  test('what is not known has no effect', () => {
    expect(() => checkNetwork(withOptions({ 'bridge.colour': 'red' }))).not.toThrow();
  });

  test('a bridge has an index above the kernel’s own, whatever it is called', () => {
    expect(bridgeIndex('tcb1a2b0000abcd')).toBe(0x100abcd);
    expect(bridgeIndex('br-shop')).toBeGreaterThanOrEqual(0x1000000);
    expect(bridgeIndex('br-shop')).not.toBe(bridgeIndex('br-other'));
  });

  test('interfaces are named as the network says, each prefix counted by itself', () => {
    const option = { driverOpts: { 'com.docker.network.container_iface_prefix': 'lan' } };
    const networks = [networkRecord('a', ['10.0.0.0/24'], option), networkRecord('b', ['10.0.1.0/24'])];
    const attachments = [anAttachment('a'), anAttachment('b')];
    const given = allotEndpoints(aContainer('web', { attachments }), 'id', { networks, containers: [] }, '1a2b');
    expect(given.map(({ interfaceName }) => interfaceName)).toEqual(['lan0', 'eth0']);
  });
});

describe('rules', () => {
  const rulesFor = (driverOpts: Record<string, string>, bridge?: string) => {
    const record = networkRecord('front', ['10.0.0.0/24'], withOptions(driverOpts));
    const networks = [{ ...record, ...(bridge && { bridge }) }];
    const containers = [containerRecord('web', { addresses: { front: '10.0.0.2' } })];
    const firewall = firewallOf({ networks, containers }, '1a2b', 4)!;
    return Object.values(firewall).flatMap(({ rules }) => rules.map(({ chain, text }) => `${chain} ${text}`));
  };
  const bare = (rules: readonly string[]) => rules.map((rule) => rule.replace(/ -m comment --comment "[^"]*"/, ''));

  test('a bridge that the user has named is guarded like all others', () => {
    const rules = bare(rulesFor({ 'bridge.name': 'br-shop' }, 'br-shop'));
    const ours = rules.filter((rule) => rule.includes('tcb1a2b+'));
    expect(ours.length).toBeGreaterThan(5);
    for (const rule of ours) expect(rules).toContain(rule.replaceAll('tcb1a2b+', 'br-shop'));
  });

  test('nat-unprotected opens the network to the outside, not to the other networks', () => {
    const rules = bare(rulesFor({ 'bridge.gateway_mode_ipv4': 'nat-unprotected' })).filter((rule) =>
      rule.startsWith('TC-1a2b-GUARD'),
    );
    const bridge = networkRecord('front', []).bridge;
    expect(rules.slice(-3)).toEqual([
      `TC-1a2b-GUARD -i tcb1a2b+ -o ${bridge} -j DROP`,
      `TC-1a2b-GUARD -o ${bridge} -j RETURN`,
      'TC-1a2b-GUARD -o tcb1a2b+ -j DROP',
    ]);
  });

  test('routed: published ports and ICMP are open at the address itself, and nothing is translated', () => {
    const record = networkRecord('front', ['10.0.0.0/24'], withOptions({ 'bridge.gateway_mode_ipv4': 'routed' }));
    const container = containerRecord('web', { addresses: { front: '10.0.0.2' } });
    const publishers = [{ protocol: 'tcp', hostIp: '', published: 8080, target: 80 }];
    const records = { networks: [record], containers: [{ ...container, publishers }] };
    const rules = bare(
      Object.values(firewallOf(records, '1a2b', 4)!).flatMap((all) =>
        all.rules.map(({ chain, text }) => `${chain} ${text}`),
      ),
    );
    expect(rules).toContain(`TC-1a2b-GUARD -d 10.0.0.2/32 -o ${record.bridge} -p tcp -m tcp --dport 80 -j RETURN`);
    expect(rules).toContain(`TC-1a2b-GUARD -o ${record.bridge} -p icmp -j RETURN`);
    expect(rules.filter((rule) => /DNAT --to|-s 10\.0\.0\.0/.test(rule))).toEqual([]);
    expect(heldSockets(records.containers[0]!, records.networks)).toEqual([]);
  });

  test('host_ipv4 is the address that containers are seen with', () => {
    expect(bare(rulesFor({ host_ipv4: '192.0.2.7' }))).toContainEqual(
      expect.stringMatching(/-s 10.0.0.0\/24 ! -o \S+ -j SNAT --to-source 192.0.2.7/),
    );
  });
});
