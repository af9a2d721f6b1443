/** Who takes part in a connection: containers as a trace tells of them, their links, and the host ports that are theirs. */
import type { LivePort } from '../../src/model/live.ts';
import type { TraceLink, TraceParty, TracePublished } from '../../src/model/trace.ts';
import { readRuntime } from '../container/runtime.ts';
import { readText } from '../state/files.ts';
import { containerDir, type Paths } from '../state/paths.ts';
import type { ProcessId } from '../state/process.ts';
import type { ContainerRecord } from '../state/records.ts';
import type { Records } from './endpoints.ts';
import type { NetworkFacts } from './facts.ts';
import { readListening } from './listening.ts';
import { overlap } from './ports.ts';
import { findHolders, UNKNOWN_HOLDER } from './socket-holders.ts';
import type { Answers } from './trace-inside.ts';

/** Whose network it is: a container may share that of another one, which may share a third one's. */
export function ownerOf(record: ContainerRecord, { containers }: Records): ContainerRecord {
  let owner = record;
  for (let left = containers.length; left > 0 && owner.madeFrom.networkMode.kind === 'container'; left--) {
    const { container } = owner.madeFrom.networkMode;
    owner = containers.find(({ name }) => name === container) ?? owner;
  }
  return owner;
}

export function partyOf(paths: Paths, record: ContainerRecord, records: Records): TraceParty {
  const { status, state } = readRuntime(paths, record);
  const owner = ownerOf(record, records);
  return {
    container: record.name,
    status,
    exitCode: state?.exitCode ?? 0,
    mode: owner.madeFrom.networkMode.kind,
    ...(owner === record ? {} : { sharedWith: owner.name }),
    networks: owner.endpoints.map(({ network, ipv4, ipv6 }) => {
      const made = records.networks.find(({ name }) => name === network);
      return {
        name: network,
        internal: made?.madeFrom.internal === true,
        ...(made?.parent && { upon: made.parent.name }),
        ...(ipv4 && { ipv4: ipv4.address }),
        ...(ipv6 && { ipv6: ipv6.address }),
      };
    }),
  };
}

/** Its supervisor lives in the network namespace from the first start to the last end; its process does not. */
export const networkProcess = (paths: Paths, owner: ContainerRecord): ProcessId | undefined => {
  const { supervisor, process } = readRuntime(paths, owner);
  return supervisor ?? process;
};

export interface LinkPart {
  readonly side: 'asker' | 'target';
  readonly owner: ContainerRecord;
  readonly network: string;
  /** What `ip address` says inside; absent: nobody could look. */
  readonly inside?: Answers['links'];
}

/** From inside to the bridge. */
export function linksOf(
  { side, owner, network, inside }: LinkPart,
  records: Records,
  facts: NetworkFacts,
): TraceLink[] {
  const endpoint = owner.endpoints.find((one) => one.network === network);
  const made = records.networks.find(({ name }) => name === network);
  if (endpoint === undefined || made === undefined) return [];
  const { bridge, parent } = made;
  const base = { side, network };
  const found: TraceLink[] = [];
  if (inside !== undefined) {
    const link = inside.find(({ ifname }) => ifname === endpoint.interfaceName);
    const lacks = [endpoint.ipv4, endpoint.ipv6].some(
      (own) => own !== undefined && link?.addr_info.every(({ local }) => local !== own.address),
    );
    const is = link === undefined ? 'gone' : !link.flags.includes('UP') ? 'down' : lacks ? 'without its address' : 'up';
    found.push({ ...base, kind: 'inside', name: endpoint.interfaceName, is });
  }
  if (parent !== undefined) {
    const upon = facts.links.get(parent.name);
    found.push({
      ...base,
      kind: 'parent',
      name: parent.name,
      is: upon === undefined ? 'gone' : upon.isUp ? 'up' : 'down',
    });
    return found;
  }
  const end = facts.links.get(endpoint.hostInterface);
  const endIs = end === undefined ? 'gone' : !end.isUp ? 'down' : end.master === bridge ? 'up' : 'on another bridge';
  found.push({ ...base, kind: 'host end', name: endpoint.hostInterface, is: endIs });
  const link = facts.links.get(bridge);
  found.push({ ...base, kind: 'bridge', name: bridge, is: link === undefined ? 'gone' : link.isUp ? 'up' : 'down' });
  return found;
}

/** `port`: of the container; the host's own number is understood too. */
export function publishedOf(paths: Paths, owner: ContainerRecord, port: number, protocol: string): TracePublished {
  const all = owner.publishers;
  const fits = all.filter((one) => one.protocol === protocol);
  const found = fits.find(({ target }) => target === port) ?? fits.find(({ published }) => published === port);
  if (found === undefined) return { all, heldByOwn: false };
  return { port: found, all, ...holderOf(found, networkProcess(paths, owner)) };
}

function holderOf(port: LivePort, own: ProcessId | undefined): Pick<TracePublished, 'heldBy' | 'heldByOwn'> {
  const inodes = readListening().flatMap((socket) =>
    socket.protocol === port.protocol &&
    socket.published === port.published &&
    overlap(socket.hostIp, port.hostIp, 'socket') !== 'no' &&
    'inode' in socket.holder
      ? [socket.holder.inode]
      : [],
  );
  const holders = [...findHolders(new Set(inodes)).values()];
  const mine = holders.find((holder) => own !== undefined && holder.endsWith(`(pid ${own.pid})`));
  const heldBy = mine ?? holders[0] ?? (inodes.length > 0 ? UNKNOWN_HOLDER : undefined);
  return { ...(heldBy !== undefined && { heldBy }), heldByOwn: mine !== undefined };
}

/** What its /etc/hosts says, and whom its /etc/resolv.conf names. */
export function ownNames(paths: Paths, owner: ContainerRecord, name: string) {
  const folder = containerDir(paths, owner.id);
  const lines = (file: string) =>
    (readText(`${folder}/${file}`) ?? '').split('\n').map((line) => line.replace(/#.*/, '').trim().split(/\s+/));
  const wanted = name.toLowerCase();
  const hosts = lines('hosts').flatMap(([address = '', ...names]) =>
    names.some((one) => one.toLowerCase() === wanted) ? [address] : [],
  );
  const words = lines('resolv.conf');
  const servers = words.flatMap(([key, value]) => (key === 'nameserver' && value ? [value] : []));
  const search = words.findLast(([key]) => key === 'search')?.slice(1) ?? [];
  return { hosts, servers, search };
}
