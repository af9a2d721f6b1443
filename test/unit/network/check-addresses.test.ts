import { describe, expect, test } from 'vitest';
import { addressProblems } from '../../../engine/network/check-addresses.ts';
import { aContainer, anAttachment, containerRecord, networkRecord } from './records.ts';

const front = networkRecord('front', ['172.20.0.0/24']);
const there = containerRecord('there', { addresses: { front: '172.20.0.5' } });
const asking = (name: string, ipv4?: string) =>
  aContainer(name, { attachments: [anAttachment('front', ipv4 === undefined ? {} : { ipv4 })] });
const problems = async (containers: ReturnType<typeof asking>[], leaving: string[] = []) =>
  (
    await addressProblems({ containers, networks: [] }, { networks: [front], containers: [there] }, new Set(leaving))
  ).map(({ message }) => message);

describe('addresses that are asked for are held against those that others have', () => {
  test('the holder is named, and all conflicts are told', async () => {
    const found = await problems([asking('a', '172.20.0.5'), asking('b', '172.20.0.7'), asking('c', '172.20.0.7')]);
    expect(found).toEqual([
      'the container a asks for the address 172.20.0.5, which container there has',
      'the container c asks for the address 172.20.0.7, which container b has',
    ]);
  });

  test('what goes, and what takes any address, is in nobody’s way', async () => {
    expect(await problems([asking('a', '172.20.0.5')], ['there'])).toEqual([]);
    expect(await problems([asking('any'), asking('a', '172.20.0.2')])).toEqual([]);
    expect(await problems([asking('there', '172.20.0.5')])).toEqual([]);
  });

  test('link-local addresses are such, settings those of the interface', async () => {
    const withExtras = (extras: object) => aContainer('a', { attachments: [anAttachment('front', extras)] });
    expect(await problems([withExtras({ linkLocalIps: ['10.1.1.1'] })])).toEqual([
      expect.stringMatching(/which is none/),
    ]);
    expect(await problems([withExtras({ linkLocalIps: ['fe80::7'] })])).toEqual([
      expect.stringMatching(/without IPv6/),
    ]);
    expect(await problems([withExtras({ linkLocalIps: ['169.254.7.7'] })])).toEqual([]);
    for (const key of ['net.ipv4.ip_forward', 'net.ipv4.conf.all.forwarding', 'net.ipv4.conf.IFNAME.../../x'])
      expect(await problems([withExtras({ sysctls: { [key]: '1' } })])).toHaveLength(1);
    expect(await problems([withExtras({ sysctls: { 'net.ipv4.conf.IFNAME.log_martians': '1' } })])).toEqual([]);
  });
});
