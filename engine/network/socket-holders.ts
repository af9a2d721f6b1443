/** Which processes have a socket, in words. Looks through every process: only for when there is something to complain about. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readSockets } from './listening.ts';
import { type HeldPort, overlap } from './ports.ts';

export const UNKNOWN_HOLDER = 'a process of another namespace or the kernel';

/** `nginx (pid 4121)` by inode. */
export function findHolders(inodes: ReadonlySet<string>, nameOf: NameOf = plainName): Map<string, string> {
  const holders = new Map<string, string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (holders.size === inodes.size) break;
    const targets = descriptorsOf(pid);
    for (const target of targets) {
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode === undefined || !inodes.has(inode) || holders.has(inode)) continue;
      holders.set(inode, nameOf(pid, targets));
    }
  }
  return holders;
}

type NameOf = (pid: string, descriptors: readonly string[]) => string;

const plainName: NameOf = (pid) => `${readIfThere(`/proc/${pid}/comm`).trim()} (pid ${pid})`;

/** For ports that none of our own containers has. A supervisor holds its container's folder open (launcher/supervise.c). */
export const strangerName: NameOf = (pid, descriptors) => {
  const name = plainName(pid, descriptors);
  const folder = name.startsWith('tcompose') && descriptors.find((target) => CONTAINER_FOLDER.test(target));
  const [, run, id = ''] = CONTAINER_FOLDER.exec(folder || '') ?? [];
  return run === undefined ? name : `container ${id.slice(0, 12)} of another instance (${run}, pid ${pid})`;
};
const CONTAINER_FOLDER = /^(\/.*)\/containers\/([0-9a-f]{64})$/;

/** Who is in the way of a port that the kernel refused: all sockets at it count, whatever state they are in. */
export function holdersOf({ protocol, hostIp, published }: Omit<HeldPort, 'holder'>): string {
  const sockets = readSockets().filter(
    (socket) =>
      socket.protocol === protocol && socket.port === published && overlap(socket.hostIp, hostIp, 'socket') !== 'no',
  );
  if (sockets.length === 0) return 'a process that has bound it without listening';
  const waiting = sockets.filter(({ isReceiving }) => isReceiving);
  const inodes = (waiting.length > 0 ? waiting : sockets).map(({ inode }) => inode).filter((inode) => inode !== '0');
  if (inodes.length === 0) return 'a connection that has just ended: it is free in a minute';
  return [...new Set(findHolders(new Set(inodes), strangerName).values())].join(', ') || UNKNOWN_HOLDER;
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
