/** Ports: addresses that are none, and two services that want the same port of the host. */

import { isAddress, parseRange } from '../../load/canonical/ports.ts';
import { isIP } from '../../load/ip.ts';
import { child, childList, childText, entriesOf, type Mark, type SpecNode } from '../../load/tree.ts';
import { describePlace } from '../places.ts';
import type { RuleContext } from '../rules.ts';

interface Claim {
  readonly service: string;
  readonly hostIp: string;
  readonly mark: Mark;
}

const ANY = new Set(['', '0.0.0.0', '::']);

export function checkPorts(context: RuleContext): void {
  const claims = new Map<string, Claim[]>();
  for (const [name, service] of entriesOf(context.services)) {
    const ports = childList(service, 'ports')?.items ?? [];
    ports.forEach((port, index) => {
      checkLongForm(port, ['services', name, 'ports', index], context);
      claim(name, port, claims, context);
    });
  }
}

function checkLongForm(port: SpecNode, path: readonly (string | number)[], { findings }: RuleContext): void {
  if (port.kind !== 'map') return;
  const hostIp = childText(port, 'host_ip');
  if (hostIp !== undefined && hostIp !== '' && !isAddress(hostIp)) {
    findings.error(
      'bad-port',
      `${describePlace(path)}: "${hostIp}" is not an IP address`,
      child(port, 'host_ip')!.mark,
      { help: 'write an address such as 127.0.0.1' },
    );
  }
  if (!port.entries.has('target') && !port.damaged) {
    findings.error('missing-key', `${describePlace(path)} needs "target"`, port.mark, {
      help: 'add the port in the container:\n    target: 80',
    });
  }
  for (const key of ['target', 'published']) {
    const text = childText(port, key);
    if (text === undefined || text === '') continue;
    const range = parseRange(text);
    if (range !== undefined && (key === 'published' || range.first > 0)) continue;
    // A target that is no number at all is told by its type.
    if (key === 'target' && !/^[-+\s]*\d/.test(text)) continue;
    findings.error('bad-port', `${describePlace([...path, key])}: "${text}" is not a port`, child(port, key)!.mark, {
      help: `ports are ${key === 'target' ? 1 : 0} to 65535`,
    });
  }
  const protocol = childText(port, 'protocol');
  if (protocol !== undefined && !['', 'tcp', 'udp', 'sctp'].includes(protocol.toLowerCase())) {
    findings.error(
      'bad-port',
      `${describePlace([...path, 'protocol'])}: "${protocol}" is not a protocol`,
      child(port, 'protocol')!.mark,
      { help: 'use tcp, udp or sctp' },
    );
  }
}

/** A range is a pool to choose from, and replicas share it: only single ports can collide for sure. */
function claim(service: string, port: SpecNode, claims: Map<string, Claim[]>, { findings, strict }: RuleContext): void {
  const published = childText(port, 'published');
  if (published === undefined || !/^[1-9]\d*$/.test(published)) return;
  const key = `${published}/${childText(port, 'protocol') ?? 'tcp'}`;
  const mine: Claim = { service, hostIp: childText(port, 'host_ip') ?? '', mark: port.mark };
  const others = claims.get(key) ?? [];
  if (others.length === 0) claims.set(key, others);
  const clash = others.find(
    (other) =>
      other.hostIp === mine.hostIp ||
      ((ANY.has(other.hostIp) || ANY.has(mine.hostIp)) && isFamilyOf(other.hostIp, mine.hostIp)),
  );
  // Once an address: a second claim to it clashes with what the first one clashes with.
  if (clash?.hostIp !== mine.hostIp) others.push(mine);
  if (clash === undefined) return;
  const whose = clash.service === service ? 'twice' : `, which service ${clash.service} publishes too`;
  findings[strict ? 'error' : 'warn'](
    'duplicate-port',
    `service ${service} publishes port ${key}${whose === 'twice' ? ' twice' : whose}`,
    port.mark,
    {
      help: 'publish another host port, or bind each to an address of its own',
      related: [{ at: clash.mark, label: `published by ${clash.service}` }],
    },
  );
}

function isFamilyOf(a: string, b: string): boolean {
  return a === '' || b === '' || isIP(a) === isIP(b);
}
