/** Host ports that a container's supervisor holds by sockets, as the file that tells it which (engine/launcher/hold.c). */
import type { LivePort } from '../../src/model/live.ts';
import type { ContainerRecord, NetworkRecord } from '../state/records.ts';
import { addressBytes, isIpv6 } from './addresses.ts';
import { publishedEndpoint, routedEndpoint } from './main-endpoint.ts';

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

export interface HeldSocket {
  /** `both`: one socket for every address of the host, of either family. Descriptors are limited: 20,000 in some places. */
  readonly family: 4 | 6 | 'both';
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
  /** Where what no port map leads away is relayed to. */
  readonly target: { readonly address: string; readonly port: number };
}

/** None for a container that nobody outside can reach: it would be a socket at which nobody answers. */
export function heldSockets(record: ContainerRecord, networks: readonly NetworkRecord[]): readonly HeldSocket[] {
  const known = new Map(networks.map((network) => [network.name, network]));
  const ipv4 = publishedEndpoint(record, known, 4)?.ipv4?.address;
  const ipv6 = publishedEndpoint(record, known, 6)?.ipv6?.address;
  const isRouted = routedEndpoint(record, known, 4) !== undefined;
  return record.publishers.flatMap((port): HeldSocket[] => {
    const { protocol, published } = port;
    const family = familyOf(port) === 'both' && isRouted ? 6 : familyOf(port);
    const inside = family === 4 ? (ipv4 ?? ipv6) : (ipv6 ?? ipv4);
    if (inside === undefined) return [];
    const address = family === 'both' ? '::' : port.hostIp;
    return [{ family, protocol, address, port: published, target: { address: inside, port: port.target } }];
  });
}

const familyOf = ({ hostIp }: LivePort): HeldSocket['family'] => (hostIp === '' ? 'both' : isIpv6(hostIp) ? 6 : 4);

/** Records of 40 bytes (launcher/hold.c). */
export function encodeHeld(sockets: readonly HeldSocket[]): Buffer {
  const bytesOf = rememberBytes();
  const all = Buffer.alloc(RECORD_SIZE * sockets.length);
  for (const [i, { family, protocol, address, port, target }] of sockets.entries()) {
    const bytes = all.subarray(i * RECORD_SIZE, (i + 1) * RECORD_SIZE);
    bytes[0] = family === 'both' ? 0 : family;
    bytes[1] = PROTOCOLS[protocol] ?? 0;
    bytes.writeUInt16BE(port, 2);
    bytes.set(bytesOf(address), 4);
    if (protocol !== 'tcp') continue;
    bytes[20] = isIpv6(target.address) ? 6 : 4;
    bytes.writeUInt16BE(target.port, 22);
    bytes.set(bytesOf(target.address), 24);
  }
  return all;
}

const RECORD_SIZE = 40;

/** Thousands of ports have two or three addresses between them. */
function rememberBytes(): (address: string) => Uint8Array {
  const known = new Map<string, Uint8Array>();
  return (address) => {
    const bytes = known.get(address) ?? addressBytes(address);
    known.set(address, bytes);
    return bytes;
  };
}
