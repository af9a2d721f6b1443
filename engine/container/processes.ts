/** The processes of a container, as this host sees them: the members of its cgroup, and what /proc says of each. */
import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessFact } from '../../src/model/engine.ts';
import type { Host } from '../host.ts';
import { findRecord, readContainerRecords } from '../state/container-records.ts';
import { readText } from '../state/files.ts';
import { cgroupPlace } from './resources/cgroup.ts';
import { readRuntime } from './runtime.ts';
import { notRunning } from './stop.ts';
import { noSuchContainer } from './unknown.ts';

export async function containerProcesses(host: Host, name: string): Promise<readonly ProcessFact[]> {
  const record = findRecord(readContainerRecords(host.paths), name);
  if (record === undefined) throw noSuchContainer(name);
  const { process: first } = readRuntime(host.paths, record);
  if (first === undefined) throw notRunning(name);
  const [{ cgroups }, instance] = await Promise.all([host.facts(), host.instance()]);
  const [folder = ''] = cgroupPlace(cgroups, instance, record).folders;
  const users = readUsers();
  const boot = Number(/^btime (\d+)$/m.exec(readText('/proc/stat') ?? '')?.[1] ?? 0) * 1000;
  return [...membersBelow(folder)]
    .sort((a, b) => Number(b === first.pid) - Number(a === first.pid) || a - b)
    .flatMap((pid) => factOf(pid, users, boot) ?? []);
}

/** The container may have made groups of its own. 0 stands for a process outside of our process namespace. */
function membersBelow(folder: string): readonly number[] {
  try {
    const own = readFileSync(`${folder}/cgroup.procs`, 'utf8').split('\n').map(Number);
    const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...own.filter((pid) => pid > 0), ...below.flatMap(({ name }) => membersBelow(`${folder}/${name}`))];
  } catch {
    return []; // Gone this moment.
  }
}

function readUsers(): ReadonlyMap<string, string> {
  const lines = (readText('/etc/passwd') ?? '').split('\n').map((line) => line.split(':'));
  return new Map(lines.flatMap(([name, , uid]) => (name && uid ? [[uid, name] as const] : [])).reverse());
}

/** USER_HZ: 100 on every architecture that we run on. */
const TICK_MS = 10;

function factOf(pid: number, users: ReadonlyMap<string, string>, bootMs: number): ProcessFact | undefined {
  const [stat, status] = ['stat', 'status'].map((file) => readText(`/proc/${pid}/${file}`));
  if (stat === undefined || status === undefined) return undefined;
  const parsed = parseStat(stat);
  const uid = /^Uid:\t\d+\t(\d+)/m.exec(status)?.[1] ?? '0';
  const words = (readText(`/proc/${pid}/cmdline`) ?? '').split('\0').slice(0, -1);
  const startedAtMs = bootMs + parsed.startTicks * TICK_MS;
  const cpuMs = parsed.cpuTicks * TICK_MS;
  return {
    pid,
    parent: parsed.parent,
    user: users.get(uid) ?? uid,
    cpuPercent: Math.trunc((100 * cpuMs) / Math.max(TICK_MS, Date.now() - startedAtMs)),
    startedAtMs,
    terminal: terminalName(parsed.terminal),
    cpuMs,
    command: words.length > 0 ? words.join(' ') : `[${parsed.name}]`,
  };
}

/** proc_pid_stat(5). The name, in parentheses, may hold anything. */
export function parseStat(text: string) {
  const end = text.lastIndexOf(')');
  const fields = text
    .slice(end + 2)
    .split(' ')
    .map(Number);
  /** As the manual numbers them: the state, which follows the name, is 3. */
  const at = (field: number): number => fields[field - 3] ?? 0;
  return {
    name: text.slice(text.indexOf('(') + 1, end),
    parent: at(4),
    terminal: at(7),
    cpuTicks: at(14) + at(15),
    startTicks: at(22),
  };
}

/** As ps names it. The minor number is in bits 31 to 20 and 7 to 0, the major in 15 to 8. */
export function terminalName(device: number): string {
  const [major, minor] = [(device >> 8) & 0xff, (device & 0xff) | ((device >>> 12) & 0xfff00)];
  if (major >= 136 && major <= 143) return `pts/${minor + (major - 136) * 256}`;
  return major === 4 ? `tty${minor}` : '?';
}
