/** Records of networks and containers, with nothing in them that a test does not name. */

import type { ContainerRecord, EndpointRecord, NetworkRecord } from '../../../engine/state/records.ts';
import type { DesiredAttachment, DesiredContainer, DesiredNetwork } from '../../../src/model/desired.ts';
import type { LivePort } from '../../../src/model/live.ts';
import { plainNetwork } from '../../../src/model/plain-network.ts';

const labels = { 'com.docker.compose.project': 'shop' };

export const aNetwork = (name: string, changes: Partial<DesiredNetwork> = {}): DesiredNetwork => ({
  ...plainNetwork(name, labels),
  ...changes,
});

/** `subnets`: `172.20.0.0/24`, the gateway being the first address. */
export function networkRecord(
  name: string,
  subnets: readonly string[],
  changes: Partial<DesiredNetwork> = {},
): NetworkRecord {
  return {
    version: 1,
    id: name,
    name,
    createdAt: '2026-01-01T00:00:00Z',
    madeFrom: aNetwork(name, changes),
    bridge: `tcb1a2b${Buffer.from(name).toString('hex').slice(-8)}`,
    mtu: 1500,
    subnets: subnets.map((subnet) => {
      const [address, length] = subnet.split('/') as [string, string];
      return { subnet, gateway: address.replace(/0$/, '1').replace(/::$/, '::1'), prefix: Number(length) };
    }),
  };
}

export const anAttachment = (network: string, changes: Partial<DesiredAttachment> = {}): DesiredAttachment => ({
  network,
  aliases: [],
  ...changes,
});

export const aContainer = (name: string, changes: Partial<DesiredContainer> = {}): DesiredContainer =>
  ({
    name,
    labels,
    networkMode: { kind: 'bridge' },
    attachments: [],
    ports: [],
    links: [],
    extraHosts: [],
    sysctls: {},
    security: { privileged: false, capAdd: [] },
    dns: { servers: [], search: [], options: [] },
    ...changes,
  }) as unknown as DesiredContainer;

export interface Placed {
  readonly addresses: Readonly<Record<string, string | readonly string[]>>;
  readonly ports?: readonly LivePort[];
  readonly aliases?: readonly string[];
  readonly wanted?: boolean;
  readonly changes?: Partial<DesiredContainer>;
}

export function containerRecord(
  name: string,
  { addresses, ports = [], aliases = [], wanted = true, changes = {} }: Placed,
): ContainerRecord {
  const endpoints = Object.entries(addresses).map(([network, given], i): EndpointRecord => {
    const all = [given].flat();
    const ipv4 = all.find((address) => !address.includes(':'));
    const ipv6 = all.find((address) => address.includes(':'));
    return {
      network,
      hostInterface: `tcv1a2b${name.slice(0, 7)}${i}`,
      interfaceName: `eth${i}`,
      mac: '02:42:ac:14:00:02',
      ...(ipv4 && { ipv4: { address: ipv4, prefix: 24 } }),
      ...(ipv6 && { ipv6: { address: ipv6, prefix: 64 } }),
      aliases,
    };
  });
  const id = Buffer.from(name).toString('hex').padEnd(64, '0');
  return {
    version: 1,
    id,
    name,
    createdAt: '2026-01-01T00:00:00Z',
    madeFrom: aContainer(name, changes),
    endpoints,
    publishers: ports,
    mounts: [],
    wanted,
    stoppedByUser: false,
  };
}

/** `127.0.0.1:8080:80`, `8080:80/udp`, `[::1]:8080:80` */
export function livePort(text: string): LivePort {
  const [, hostIp = '', published, target, protocol = 'tcp'] = /^(?:(.+):)?(\d+):(\d+)(?:\/(\w+))?$/.exec(text)!;
  return { hostIp: hostIp.replace(/[[\]]/g, ''), published: Number(published), target: Number(target), protocol };
}
