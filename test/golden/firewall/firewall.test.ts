/** A folder a case: networks and containers in, what iptables-restore and ip6tables-restore are given out. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { firewallOf } from '../../../engine/network/firewall.ts';
import { damagedOwners, parseSaved, restoreText } from '../../../engine/network/firewall-text.ts';
import { containerRecord, livePort, networkRecord } from '../../unit/network/records.ts';

interface Topology {
  readonly networks: Record<string, { subnets: string[]; internal?: boolean; options?: Record<string, string> }>;
  readonly containers: Record<string, { addresses: Record<string, string | string[]>; ports?: string[]; wanted?: boolean }>;
}

const root = import.meta.dirname;
const cases = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());

function readCase(name: string) {
  const topology = parse(readFileSync(join(root, name, 'topology.yaml'), 'utf8')) as Topology;
  return {
    networks: Object.entries(topology.networks).map(([network, { subnets, internal = false, options = {} }]) =>
      networkRecord(network, subnets, { internal, driverOpts: options, enableIpv6: subnets.some((subnet) => subnet.includes(':')) }),
    ),
    containers: Object.entries(topology.containers).map(([container, { ports = [], ...placed }]) =>
      containerRecord(container, { ...placed, ports: ports.map(livePort) }),
    ),
  };
}

for (const { name } of cases) {
  const records = readCase(name);
  const texts = ([4, 6] as const).map((family) => restoreText(firewallOf(records, '1a2b', family), parseSaved('', '1a2b')));

  test(name, async () => {
    // Without digests: they say again what the rule says.
    const shown = texts.join('# ip6tables\n').replace(/ [0-9a-f]{8}"/g, '"');
    await expect(shown).toMatchFileSnapshot(join(root, name, 'rules.txt'));
  });

  test(`${name}: once there, nothing is damaged, nothing is to be done, and all of it can be taken away`, () => {
    for (const [i, family] of ([4, 6] as const).entries()) {
      const wanted = firewallOf(records, '1a2b', family);
      const saved = parseSaved(texts[i]!.replace(/^-I (\S+) 1 /gm, '-A $1 '), '1a2b');
      expect(restoreText(wanted, saved)).toBe('');
      expect(damagedOwners(wanted, saved)).toEqual(new Set());
      const removal = restoreText(undefined, saved);
      expect((removal.match(/^-X /gm) ?? []).length).toBe(wanted === undefined ? 0 : 7);
      expect((removal.match(/^-D /gm) ?? []).length).toBe(wanted === undefined ? 0 : family === 4 ? 8 : 7);
    }
  });
}
