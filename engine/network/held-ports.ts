/** Host ports that a container's supervisor holds by sockets, as the file that tells it which (engine/launcher/hold.c). */
import type { LivePort } from '../../src/model/live.ts';
import type { ContainerRecord, NetworkRecord } from '../state/records.ts';
import { addressBytes, isIpv6 } from './addresses.ts';
import { mainEndpoint } from './endpoints.ts';

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

export interface HeldSocket {
  readonly family: 4 | 6;
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
  /** Where what no port map leads away is relayed to. */
  readonly target: { readonly address: string; readonly port: number };
}

/** None for a container that nobody outside can reach: it would be a socket at which nobody answers. */
export function heldSockets(record: ContainerRecord, networks: readonly NetworkRecord[]): readonly HeldSocket[] {
  const known = new Map(networks.map((network) => [network.name, network]));
  const ipv4 = mainEndpoint(record, known, 4)?.ipv4?.address;
  const ipv6 = mainEndpoint(record, known, 6)?.ipv6?.address;
  return ([4, 6] as const).flatMap((family) => {
    const inside = family === 4 ? (ipv4 ?? ipv6) : (ipv6 ?? ipv4);
    if (inside === undefined) return [];
    return record.publishers.flatMap((port): HeldSocket[] => {
      const address = addressFor(port, family);
      const target = { address: inside, port: port.target };
      return address === undefined ? [] : [{ family, protocol: port.protocol, address, port: port.published, target }];
    });
  });
}

function addressFor({ hostIp }: LivePort, family: 4 | 6): string | undefined {
  if (hostIp === '') return family === 4 ? '0.0.0.0' : '::';
  return isIpv6(hostIp) === (family === 6) ? hostIp : undefined;
}

export const encodeHeld = (sockets: readonly HeldSocket[]): Buffer =>
  Buffer.concat(
    sockets.map(({ family, protocol, address, port, target }) => {
      const bytes = Buffer.alloc(40);
      bytes[0] = family;
      bytes[1] = PROTOCOLS[protocol] ?? 0;
      bytes.writeUInt16BE(port, 2);
      bytes.set(addressBytes(address), 4);
      if (protocol !== 'tcp') return bytes;
      bytes[20] = isIpv6(target.address) ? 6 : 4;
      bytes.writeUInt16BE(target.port, 22);
      bytes.set(addressBytes(target.address), 24);
      return bytes;
    }),
  );
