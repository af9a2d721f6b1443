/**
 * What connection tracking remembers of UDP flows to published ports that lead elsewhere now. Such a flow has no end while its client
 * goes on sending: the kernel asks the rules for its first packet only, so it would reach a container that is gone, or whoever has its
 * address next. An entry that is deleted is made anew, by the rules of now, with the next packet.
 */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { LaunchOp } from '../launcher/ops.ts';
import { addressBytes, contains, findAddress, findPrefix, formatAddress, isIpv6 } from './addresses.ts';
import type { Records } from './endpoints.ts';
import { publishedEndpoint } from './main-endpoint.ts';
import { type Attribute, encode } from './netlink-wire.ts';
import { NETLINK_NETFILTER } from './nfnetlink.ts';
import { runProgram } from './programs.ts';

interface Side {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}
export interface Flow {
  readonly original: Side;
  /** As answers come: from who really has it. */
  readonly reply: Side;
}

/** Lines of /proc/net/nf_conntrack, or of `conntrack -L -o extended`. Those of zones are others' business. */
export function parseFlows(text: string): readonly Flow[] {
  return text.split('\n').flatMap((line): Flow[] => {
    if (!/^ipv[46]\s+\d+\s+udp\s/.test(line) || / zone=[1-9]/.test(line)) return [];
    const sides = [...line.matchAll(/src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)/g)].map(
      ([, source, destination, sourcePort, destinationPort]): Side => ({
        source: normal(source!),
        destination: normal(destination!),
        sourcePort: Number(sourcePort),
        destinationPort: Number(destinationPort),
      }),
    );
    const [original, reply] = sides;
    return original && reply ? [{ original, reply }] : [];
  });
}

/** The kernel writes all of an address's zeros. */
const normal = (address: string): string => {
  const found = findAddress(address);
  return found ? formatAddress(found) : address;
};

/** `local`: addresses of this host. */
export function staleFlows(
  flows: readonly Flow[],
  { networks, containers }: Records,
  local: ReadonlySet<string>,
): readonly Flow[] {
  const known = new Map(networks.map((network) => [network.name, network]));
  const maps = new Map<string, string>();
  for (const container of containers.filter(({ wanted }) => wanted)) {
    for (const family of [4, 6] as const) {
      const endpoint = publishedEndpoint(container, known, family);
      const inside = (family === 4 ? endpoint?.ipv4 : endpoint?.ipv6)?.address;
      if (inside === undefined) continue;
      for (const { protocol, hostIp, published, target } of container.publishers) {
        const isFor = hostIp === '' || isIpv6(hostIp) === (family === 6);
        if (protocol === 'udp' && isFor) maps.set(`${family} ${anyAsNone(hostIp)} ${published}`, `${inside} ${target}`);
      }
    }
  }
  const subnets = networks.flatMap((network) => network.subnets.flatMap(({ subnet }) => findPrefix(subnet) ?? []));
  const isStale = ({ original, reply }: Flow): boolean => {
    const { destination, destinationPort } = original;
    const family = isIpv6(destination) ? 6 : 4;
    const isHere = local.has(destination) || destination.startsWith('127.');
    const map = isHere
      ? (maps.get(`${family} ${destination} ${destinationPort}`) ?? maps.get(`${family}  ${destinationPort}`))
      : undefined;
    if (map !== undefined) return map !== `${reply.source} ${reply.sourcePort}`;
    const source = findAddress(reply.source);
    return reply.source !== destination && source !== undefined && subnets.some((subnet) => contains(subnet, source));
  };
  return flows.filter(isStale);
}

const anyAsNone = (address: string): string => (address === '0.0.0.0' || address === '::' ? '' : address);

/** Deletes them in one program, run in the host's namespaces. What cannot be read stays: it ends when its client is quiet for a while. */
export async function forgetStaleFlows(
  records: Records,
  run: (ops: readonly LaunchOp[]) => Promise<unknown>,
): Promise<void> {
  const local = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => normal(address)));
  const stale = staleFlows(parseFlows(await readFlows()), records, new Set(local));
  if (stale.length === 0) return;
  await run([
    { op: 'netlink-open', slot: 0, protocol: NETLINK_NETFILTER },
    ...stale.map(
      ({ original }): LaunchOp => ({ op: 'netlink', slot: 0, message: deletion(original), ignore: [ENOENT] }),
    ),
  ]);
}

/** A kernel without CONFIG_NF_CONNTRACK_PROCFS has no such file. */
async function readFlows(): Promise<string> {
  try {
    return readFileSync('/proc/net/nf_conntrack', 'utf8');
  } catch {
    const lists = [4, 6].map((family) =>
      runProgram('conntrack', ['-L', '-f', `ipv${family}`, '-p', 'udp', '-o', 'extended']).then(
        ({ output }) => output,
        () => '',
      ),
    );
    return (await Promise.all(lists)).join('');
  }
}

const ENOENT = 2;
const [AF_INET, AF_INET6] = [2, 10];
const UDP = 17;
/** linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h: subsystem 1, message 2. */
const CTNETLINK_DELETE = (1 << 8) | 2;
const [REQUEST, ACK] = [1, 4];
const NESTED = 0x8000;
const CTA = { TUPLE_ORIGINAL: 1, TUPLE_IP: 1, TUPLE_PROTOCOL: 2 } as const;
const CTA_IP = { 4: { source: 1, destination: 2 }, 6: { source: 3, destination: 4 } } as const;
const CTA_PROTOCOL = { NUMBER: 1, SOURCE_PORT: 2, DESTINATION_PORT: 3 } as const;

function deletion({ source, destination, sourcePort, destinationPort }: Side): Uint8Array {
  const family = isIpv6(source) ? 6 : 4;
  const of = CTA_IP[family];
  const port = (value: number) => Uint8Array.of(value >> 8, value & 0xff);
  const tuple: Attribute[] = [
    {
      type: CTA.TUPLE_IP | NESTED,
      value: [
        { type: of.source, value: addressBytes(source) },
        { type: of.destination, value: addressBytes(destination) },
      ],
    },
    {
      type: CTA.TUPLE_PROTOCOL | NESTED,
      value: [
        { type: CTA_PROTOCOL.NUMBER, value: Uint8Array.of(UDP) },
        { type: CTA_PROTOCOL.SOURCE_PORT, value: port(sourcePort) },
        { type: CTA_PROTOCOL.DESTINATION_PORT, value: port(destinationPort) },
      ],
    },
  ];
  return encode({
    type: CTNETLINK_DELETE,
    flags: REQUEST | ACK,
    fixed: Uint8Array.of((family === 4 ? AF_INET : AF_INET6)!, 0, 0, 0),
    attributes: [{ type: CTA.TUPLE_ORIGINAL | NESTED, value: tuple }],
  });
}
