/** For the doctor: removes interfaces and chains that carry this instance's name and belong to nothing. */
import { applyFirewall } from './apply-firewall.ts';
import { applySpoofGuard } from './apply-spoof-guard.ts';
import { request } from './bridge.ts';
import type { NetworkContext } from './create-networks.ts';
import type { Records } from './endpoints.ts';
import { readFirewall } from './facts.ts';
import { firewallOf } from './firewall.ts';
import { parseSaved, restoreText } from './firewall-text.ts';
import { deleteLink } from './rtnetlink.ts';

const SOCKET = 0;
const ENODEV = 19;

export async function removeLeftovers(
  { instance, run }: NetworkContext,
  records: Records,
  interfaces: readonly string[],
): Promise<void> {
  if (interfaces.length > 0) {
    const ops = interfaces.map((name) => request(SOCKET, deleteLink(name), [ENODEV]));
    await run([{ op: 'netlink-open', slot: SOCKET }, ...ops]);
  }
  await applySpoofGuard({ instance, run }, records);
  const saved = await readFirewall({ ipv6: true });
  for (const family of [4, 6] as const) {
    const text = restoreText(
      firewallOf(records, instance, family),
      parseSaved(family === 4 ? saved.ipv4 : saved.ipv6, instance),
    );
    if (text !== '') await applyFirewall(family, text);
  }
}
