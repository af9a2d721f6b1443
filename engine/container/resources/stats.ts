/** What a container uses, from its cgroup and its network namespace. */
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { ContainerStats } from '../../../src/model/engine.ts';
import type { Host } from '../../host.ts';
import { findRecord, readContainerRecords } from '../../state/container-records.ts';
import { readText } from '../../state/files.ts';
import { readRuntime } from '../runtime.ts';
import { type CgroupPlan, cgroupPlace } from './cgroup.ts';
import type { CgroupFacts } from './cgroup-facts.ts';

export async function containerStats(host: Host, name: string): Promise<ContainerStats | undefined> {
  const record = findRecord(readContainerRecords(host.paths), name);
  const process = record && readRuntime(host.paths, record).process;
  if (record === undefined || process === undefined) return undefined;
  const [{ cgroups }, instance] = await Promise.all([host.facts(), host.instance()]);
  const place = cgroupPlace(cgroups, instance, record);
  const read = cgroups.mode === 'unified' ? readUnified(place) : readLegacy(place, cgroups);
  // The host's own network is no container's.
  const network = record.madeFrom.networkMode.kind === 'host' ? NO_TRAFFIC : readTraffic(process.pid);
  return { atMs: Date.now(), ...read, network };
}

type FromCgroup = Omit<ContainerStats, 'atMs' | 'network'>;

function readUnified({ unified = '' }: CgroupPlan): FromCgroup {
  const memory = { used: number(`${unified}/memory.current`), limit: number(`${unified}/memory.max`) };
  return {
    cpuUs: field(`${unified}/cpu.stat`, 'usage_usec'),
    ...memoryOf(memory.used, memory.limit, field(`${unified}/memory.stat`, 'inactive_file')),
    pids: number(`${unified}/pids.current`),
    blockIo: parseIoStat(readText(`${unified}/io.stat`) ?? ''),
  };
}

function readLegacy({ folders, unified }: CgroupPlan, { hierarchies }: CgroupFacts): FromCgroup {
  const at = (controller: string) => folders.find((folder) => folder.startsWith(`${hierarchies[controller]}/`)) ?? '';
  const memory = at('memory');
  return {
    // Version 2 counts it without any controller.
    cpuUs:
      unified === undefined
        ? Math.round(number(`${at('cpuacct')}/cpuacct.usage`) / 1000)
        : field(`${unified}/cpu.stat`, 'usage_usec'),
    ...memoryOf(
      number(`${memory}/memory.usage_in_bytes`),
      number(`${memory}/memory.limit_in_bytes`),
      field(`${memory}/memory.stat`, 'total_inactive_file'),
    ),
    pids: number(`${at('pids')}/pids.current`),
    blockIo: parseThrottle(readText(`${at('blkio')}/blkio.throttle.io_service_bytes_recursive`) ?? ''),
  };
}

/** Docker's rule: what the page cache can give back at once is not used. No limit is all memory that there is. */
function memoryOf(
  used: number,
  limit: number,
  inactive: number,
): Pick<ContainerStats, 'memoryBytes' | 'memoryLimitBytes'> {
  return {
    memoryBytes: inactive < used ? used - inactive : used,
    memoryLimitBytes: limit > 0 ? Math.min(limit, totalmem()) : totalmem(),
  };
}

/** `max` and what is not there read as 0. */
const number = (path: string): number => Number(readText(path)?.trim() ?? 0) || 0;

const field = (path: string, key: string): number =>
  Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(readText(path) ?? '')?.[1] ?? 0);

/** `254:0 rbytes=4096 wbytes=0 rios=1 …` */
export function parseIoStat(text: string): ContainerStats['blockIo'] {
  const sum = (key: string) =>
    [...text.matchAll(new RegExp(`\\b${key}=(\\d+)`, 'g'))].reduce((all, [, bytes]) => all + Number(bytes), 0);
  return { readBytes: sum('rbytes'), writtenBytes: sum('wbytes') };
}

/** `254:0 Read 4096` */
export function parseThrottle(text: string): ContainerStats['blockIo'] {
  const sum = (word: string) =>
    [...text.matchAll(new RegExp(`^\\d+:\\d+ ${word} (\\d+)$`, 'gm'))].reduce(
      (all, [, bytes]) => all + Number(bytes),
      0,
    );
  return { readBytes: sum('Read'), writtenBytes: sum('Write') };
}

const NO_TRAFFIC = { receivedBytes: 0, sentBytes: 0 };

function readTraffic(pid: number): ContainerStats['network'] {
  try {
    return parseTraffic(readFileSync(`/proc/${pid}/net/dev`, 'utf8'));
  } catch {
    return NO_TRAFFIC; // It has just ended.
  }
}

/** proc_pid_net(5): `eth0: received-bytes packets … (eight of them) sent-bytes …`; without loopback, as Docker counts. */
export function parseTraffic(text: string): ContainerStats['network'] {
  let [receivedBytes, sentBytes] = [0, 0];
  for (const line of text.split('\n')) {
    const [, name, numbers = ''] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || name === 'lo') continue;
    const columns = numbers.split(/\s+/).map(Number);
    receivedBytes += columns[0] ?? 0;
    sentBytes += columns[8] ?? 0;
  }
  return { receivedBytes, sentBytes };
}
