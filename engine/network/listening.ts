/** Sockets of the host that receive: /proc/net/{tcp,udp}[6] (proc(5)), and the processes that have them. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { formatAddress } from './addresses.ts';
import type { HeldPort } from './ports.ts';

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** TCP_LISTEN; and TCP_CLOSE, which is what an unconnected UDP socket is in. */
const RECEIVING: Readonly<Record<string, string>> = { tcp: '0A', udp: '07' };

export function readListening(): HeldPort[] {
  return (['tcp', 'udp'] as const).flatMap((protocol) =>
    ['', '6'].flatMap((suffix) => parseSockets(readIfThere(`/proc/net/${protocol}${suffix}`), protocol)),
  );
}

export function parseSockets(text: string, protocol: string): HeldPort[] {
  const found: HeldPort[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    if (state !== RECEIVING[protocol]) continue;
    const [address = '', port = ''] = (local ?? '').split(':');
    found.push({
      protocol,
      hostIp: parseHexAddress(address),
      published: Number.parseInt(port, 16),
      holder: { inode: inode ?? '' },
    });
  }
  return found;
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

/** `nginx (pid 4121)` by inode. Looks through every process: only for when there is something to complain about. */
export function findHolders(inodes: ReadonlySet<string>): Map<string, string> {
  const holders = new Map<string, string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (holders.size === inodes.size) break;
    for (const target of descriptorsOf(pid)) {
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode === undefined || !inodes.has(inode) || holders.has(inode)) continue;
      holders.set(inode, `${readIfThere(`/proc/${pid}/comm`).trim()} (pid ${pid})`);
    }
  }
  return holders;
}

function descriptorsOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkOrNothing(`/proc/${pid}/fd/${fd}`));
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

function readlinkOrNothing(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
