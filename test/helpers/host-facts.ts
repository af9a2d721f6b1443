/** Everything on a host that a container engine could leave behind, as sorted lines that can be compared. */
import { execFile } from 'node:child_process';
import { type Dirent, existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface HostFacts {
  readonly interfaces: readonly string[];
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly mounts: readonly string[];
  readonly namespaces: readonly string[];
  readonly cgroups: readonly string[];
  readonly processes: readonly string[];
  readonly sysctls: readonly string[];
}

export async function readHostFacts(): Promise<HostFacts> {
  const [links, addresses, routes, rules4, rules6, tables] = await Promise.all([
    lines('ip', '-o', 'link'),
    lines('ip', '-o', 'address'),
    lines('ip', 'route', 'show', 'table', 'all'),
    firewallRules('iptables-save'),
    firewallRules('ip6tables-save'),
    // Where nft is not there, nothing of this can be told.
    lines('nft', 'list', 'tables', 'bridge').catch(() => []),
  ]);
  return {
    interfaces: links.map((line) => line.split(/:\s+/)[1] ?? line).sort(),
    addresses: addresses.map((line) => line.split(/\s+/).slice(1, 4).join(' ')).sort(),
    routes: routes.map((line) => line.replace(/( linkdown)?\s*$/, '')).sort(),
    rules: [...rules4.map((rule) => `iptables ${rule}`), ...rules6.map((rule) => `ip6tables ${rule}`), ...tables],
    // Read at once, not in parallel: hundreds of small files of the kernel's, which have nothing to wait for.
    mounts: readMounts(),
    namespaces: orElse<string[]>([], () => readdirSync('/run/netns')).sort(),
    cgroups: readCgroups(),
    processes: readProcesses(),
    sysctls: readSysctls(),
  };
}

/** What was added (+) or taken away (-), one line each. */
export function describeChanges(before: HostFacts, after: HostFacts): string[] {
  return (Object.keys(before) as (keyof HostFacts)[]).flatMap((topic) => {
    const [old, now] = [new Set(before[topic]), new Set(after[topic])];
    // A kernel module that was loaded for the first time brings new knobs: only changes of known ones are ours.
    const known = topic === 'sysctls' ? new Set(before.sysctls.map(sysctlName)) : undefined;
    const still = topic === 'sysctls' ? new Set(after.sysctls.map(sysctlName)) : undefined;
    return [
      ...after[topic]
        .filter((line) => !old.has(line) && (known?.has(sysctlName(line)) ?? true))
        .map((line) => `+ ${topic}: ${line}`),
      ...before[topic]
        .filter((line) => !now.has(line) && (still?.has(sysctlName(line)) ?? true))
        // Whose folder is gone, too: its owner on the machine removed that, which takes the mount away everywhere.
        .filter((line) => topic !== 'mounts' || existsSync(line.split(' ')[0]!))
        .map((line) => `- ${topic}: ${line}`),
    ];
  });
}

const sysctlName = (line: string) => line.slice(0, line.indexOf(' ='));

function orElse<T>(fallback: T, read: () => T): T {
  try {
    return read();
  } catch {
    return fallback;
  }
}

async function lines(program: string, ...argv: string[]): Promise<string[]> {
  const { stdout } = await run(program, argv, { maxBuffer: 64 << 20 });
  return stdout.split('\n').filter((line) => line !== '');
}

/** Rules and chains of somebody's own; the empty built-in chains that the first use of a table creates are not worth a word. */
async function firewallRules(program: string): Promise<string[]> {
  const rules: string[] = [];
  let table = '';
  for (const line of await lines(program)) {
    if (line.startsWith('*')) table = line.slice(1);
    else if (line.startsWith('-A')) rules.push(`${table} ${line}`);
    else if (line.startsWith(':') && line.includes(' - ')) rules.push(`${table} chain ${line.slice(1).split(' ')[0]}`);
  }
  return rules;
}

function readMounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const fields = line.split(' ');
      return `${fields[4]} ${fields.slice(fields.indexOf('-') + 1, fields.indexOf('-') + 3).join(' ')}`;
    })
    .sort();
}

function readCgroups(): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  const tops = [...mounts.matchAll(/^(?:\S+ ){4}(\S+) .* - cgroup2? /gm)].map((match) => match[1]!);
  return tops.flatMap(foldersBelow).sort();
}

function foldersBelow(folder: string): string[] {
  const entries = orElse<Dirent[]>([], () => readdirSync(folder, { withFileTypes: true }));
  const inside = entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
  return [...inside, ...inside.flatMap(foldersBelow)];
}

/** Orphans, and processes in other namespaces than ours: what a test runner itself starts is neither. */
function readProcesses(): string[] {
  const ours = readlinkSync('/proc/self/ns/mnt');
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== '1');
  const found = pids.flatMap((pid) => {
    const stat = orElse(undefined, () => readFileSync(`/proc/${pid}/stat`, 'utf8'));
    if (stat === undefined) return []; // It ended meanwhile.
    const namespace = orElse(ours, () => readlinkSync(`/proc/${pid}/ns/mnt`));
    const close = stat.lastIndexOf(')');
    const parent = stat.slice(close + 4).split(' ')[0];
    // It has ended; that process 1 has yet to look is no business of ours.
    if ('ZX'.includes(stat[close + 2]!)) return [];
    const name = stat.slice(stat.indexOf('(') + 1, close);
    return parent === '1' || namespace !== ours ? [`${pid} ${name}`] : [];
  });
  return found.sort();
}

function readSysctls(): string[] {
  const entries = readdirSync('/proc/sys/net', { recursive: true, withFileTypes: true });
  // Of interfaces, only the ones that every host has: the others go with their interface. Counters, and keys that the kernel
  // makes when they are first needed, are not settings.
  const wanted = entries.filter((entry) => entry.isFile() && !/_count$|_key$|^flush$/.test(entry.name));
  const values = wanted.flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    if (/\/(conf|neigh)\/(?!all\/|default\/|lo\/|eth0\/)/.test(path)) return [];
    const value = orElse(undefined, () => readFileSync(path, 'utf8'));
    return value === undefined ? [] : [`${path.slice('/proc/sys/'.length)} = ${value.trim()}`];
  });
  return values.sort();
}
