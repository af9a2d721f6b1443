/** What this host offers, tried rather than guessed, and for all that is missing the command that mends it. */
import { readFile, statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import type { Finding } from '../../src/model/engine.ts';
import type { Host } from '../host.ts';
import { tryKernel } from './try-kernel.ts';
import { tryPrograms } from './try-programs.ts';

const OLDEST = [5, 12] as const;
const LITTLE_SPACE = 2 ** 30;
const LITTLE_MEMORY = 256 * 2 ** 20;

export async function examine(host: Host): Promise<readonly Finding[]> {
  const findings = await Promise.all([
    kernel(host),
    groups(host),
    forwarding(),
    tryPrograms(),
    tryKernel(host),
    room(host),
  ]);
  return findings.flat();
}

const ok = (topic: string, what: string): Finding => ({ topic, level: 'ok', what });

async function kernel(host: Host): Promise<Finding[]> {
  const { kernel: release, architecture } = await host.facts();
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  const isOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
  const what = `Linux ${release} on ${architecture}`;
  if (!isOld) return [ok('kernel', what)];
  return [
    {
      topic: 'kernel',
      level: 'error',
      what,
      help: `install a kernel from ${OLDEST.join('.')} on: mounts are made with calls that came with it`,
    },
  ];
}

async function groups(host: Host): Promise<Finding[]> {
  const { cgroups } = await host.facts();
  const { mode, hierarchies, unified } = cgroups;
  if (mode === 'none') {
    return [
      {
        topic: 'cgroups',
        level: 'error',
        what: 'no control groups are mounted',
        help: 'mount them:\n    mount -t cgroup2 cgroup2 /sys/fs/cgroup',
      },
    ];
  }
  const has =
    mode === 'unified'
      ? (await readFile(`${unified}/cgroup.controllers`, 'utf8')).trim().split(' ')
      : Object.keys(hierarchies);
  const missing = ['memory', 'pids', 'cpu', 'cpuset'].filter((controller) => !has.includes(controller));
  const named = { unified: 'version 2', legacy: 'version 1', hybrid: 'version 1, with 2 beside it' }[mode];
  const what = `${named}: ${has.filter(Boolean).sort().join(' ')}`;
  if (missing.length === 0) return [ok('cgroups', what)];
  return [
    {
      topic: 'cgroups',
      level: 'warning',
      what: `${what}; without ${missing.join(', ')}`,
      help: `limits of these are refused; some kernels need to be told at boot:\n    cgroup_enable=${missing[0]}`,
    },
  ];
}

async function forwarding(): Promise<Finding[]> {
  const read = async (path: string) => (await readFile(path, 'utf8').catch(() => '')).trim();
  const [forward, bridged] = await Promise.all([
    read('/proc/sys/net/ipv4/ip_forward'),
    read('/proc/sys/net/bridge/bridge-nf-call-iptables'),
  ]);
  return [
    ok('forwarding', forward === '1' ? 'on' : 'off; turned on with the first network'),
    ok(
      'br_netfilter',
      bridged === ''
        ? 'not loaded, and not needed'
        : `loaded; bridged frames ${bridged === '1' ? 'pass' : 'do not pass'} iptables`,
    ),
  ];
}

async function room(host: Host): Promise<Finding[]> {
  const place = await statfs(host.paths.root).catch(() => statfs('/var/lib'));
  const free = place.bavail * place.bsize;
  const giga = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const disk: Finding =
    free >= LITTLE_SPACE
      ? ok('disk', `${giga(free)} free for ${host.paths.root}`)
      : {
          topic: 'disk',
          level: 'warning',
          what: `only ${giga(free)} free for ${host.paths.root}`,
          help: 'remove images that are not used, or choose another folder with --root',
        };
  const available = await availableMemory();
  const memory: Finding =
    available >= LITTLE_MEMORY
      ? ok('memory', `${giga(available)} of ${giga(totalmem())} available`)
      : {
          topic: 'memory',
          level: 'warning',
          what: `only ${giga(available)} available`,
          help: 'end what is not needed',
        };
  return [disk, memory];
}

async function availableMemory(): Promise<number> {
  const line = /^MemAvailable:\s+([0-9]+) kB$/m.exec(await readFile('/proc/meminfo', 'utf8'));
  return line === null ? freemem() : Number(line[1]) * 1024;
}
