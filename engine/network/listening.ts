/** Sockets of a network namespace: /proc/net/{tcp,udp}[6] and /proc/net/sctp/eps (proc(5)). */
import { readFileSync } from 'node:fs';
import { findAddress, formatAddress } from './addresses.ts';
import type { HeldPort } from './ports.ts';

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** TCP_LISTEN; and TCP_CLOSE, which is what an unconnected UDP socket is in. */
const RECEIVING: Readonly<Record<string, string>> = { tcp: '0A', udp: '07' };

export interface HostSocket {
  readonly protocol: string;
  readonly hostIp: string;
  readonly port: number;
  /** '0': nobody has it any more, it waits for what may still be under way (TIME_WAIT). */
  readonly inode: string;
  /** Else it is one end of a connection. */
  readonly isReceiving: boolean;
}

/** Those that wait for anybody. */
export const readListening = (): HeldPort[] =>
  readSockets()
    .filter(({ isReceiving }) => isReceiving)
    .map(toHeld);

/** All that have a port, in the host's namespace. */
export const readSockets = (): HostSocket[] => [
  ...(['tcp', 'udp'] as const).flatMap((protocol) =>
    ['', '6'].flatMap((suffix) => parseAll(readIfThere(`/proc/net/${protocol}${suffix}`), protocol)),
  ),
  ...parseSctp(readIfThere('/proc/net/sctp/eps')),
];

export const parseSockets = (text: string, protocol: string): HeldPort[] =>
  parseAll(text, protocol)
    .filter(({ isReceiving }) => isReceiving)
    .map(toHeld);

const toHeld = ({ protocol, hostIp, port, inode }: HostSocket): HeldPort => ({
  protocol,
  hostIp,
  published: port,
  holder: { inode },
});

function parseAll(text: string, protocol: string): HostSocket[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local, , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      const [address = '', port = ''] = (local ?? '').split(':');
      if (port === '') return [];
      const isReceiving = state === RECEIVING[protocol];
      return [{ protocol, hostIp: parseHexAddress(address), port: Number.parseInt(port, 16), inode, isReceiving }];
    });
}

/** ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS: an endpoint may have several addresses; those of IPv6 come in full (net/sctp/proc.c). */
export function parseSctp(text: string): HostSocket[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, , , , , port = '', , inode = '', ...addresses] = line.trim().split(/\s+/);
      return addresses.map((hostIp) => ({
        protocol: 'sctp',
        hostIp: shortened(hostIp),
        port: Number(port),
        inode,
        isReceiving: true,
      }));
    });
}

function shortened(text: string): string {
  const address = findAddress(text);
  return address === undefined ? text : formatAddress(address);
}

/** Groups of four bytes, each printed as a number of this machine. An IPv4 address in IPv6's clothes is an IPv4 address. */
function parseHexAddress(hex: string): string {
  const words = (hex.match(/.{8}/g) ?? []).map((word) =>
    littleEndian ? (word.match(/../g) ?? []).reverse().join('') : word,
  );
  const digits = words.join('');
  const isMapped = digits.length === 32 && digits.toUpperCase().startsWith('00000000000000000000FFFF');
  const shown = isMapped ? digits.slice(24) : digits;
  return formatAddress({ family: shown.length === 8 ? 4 : 6, value: BigInt(`0x${shown}`) });
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
