/** What launch programs need to know of this host, read once per command. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus, hostname, release } from 'node:os';
import { TcomposeError } from '../../src/model/errors.ts';
import type { HostNames } from './host-files.ts';
import { type AppArmorFacts, readAppArmorFacts } from './isolation/apparmor.ts';
import { type CgroupFacts, parseCgroupFacts } from './resources/cgroup-facts.ts';

export interface HostFacts {
  /** uname's release. */
  readonly kernel: string;
  readonly architecture: 'x86_64' | 'aarch64';
  /** All that we have, and so can give. */
  readonly capabilities: bigint;
  readonly processors: number;
  readonly cgroups: CgroupFacts;
  /** Folders that tell of the processors' temperature, and so of what others do. */
  readonly throttlePaths: readonly string[];
  readonly names: HostNames;
  /** The kernel shows its memory as /proc/kcore. */
  readonly hasKcore: boolean;
  /** Absent: the kernel has none. */
  readonly apparmor?: AppArmorFacts;
}

export function readHostFacts(): HostFacts {
  const apparmor = readAppArmorFacts();
  return {
    kernel: release(),
    architecture: architecture(),
    capabilities: ownCapabilities(),
    processors: cpus().length,
    cgroups: readCgroups(),
    throttlePaths: throttlePaths(),
    hasKcore: existsSync('/proc/kcore'),
    ...(apparmor === undefined ? {} : { apparmor }),
    names: { hostname: hostname(), hosts: read('/etc/hosts'), resolvConf: readResolvConf() },
  };
}

function readCgroups(): CgroupFacts {
  const found = parseCgroupFacts(readFileSync('/proc/self/mountinfo', 'utf8'));
  if (found.mode !== 'unified') return found;
  return { ...found, controllers: read(`${found.unified}/cgroup.controllers`).trim().split(' ') };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function architecture(): 'x86_64' | 'aarch64' {
  if (process.arch === 'x64') return 'x86_64';
  if (process.arch === 'arm64') return 'aarch64';
  throw new TcomposeError(`containers do not run on ${process.arch} processors yet`, {
    code: 'architecture-unsupported',
    help: 'use an x86_64 or aarch64 machine',
  });
}

/** As root: the bounding set, since whoever may set them has what is in it. */
function ownCapabilities(): bigint {
  const digits = /^CapBnd:\s+([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return BigInt(`0x${digits}`);
}

function throttlePaths(): readonly string[] {
  const folder = '/sys/devices/system/cpu';
  if (!existsSync(`${folder}/cpu0/thermal_throttle`)) return [];
  return readdirSync(folder)
    .filter((name) => /^cpu[0-9]+$/.test(name))
    .map((name) => `${folder}/${name}/thermal_throttle`)
    .filter((path) => existsSync(path));
}

/** systemd-resolved's own file names itself, on an address of the host's loopback; the servers it asks are in the second one. */
function readResolvConf(): string {
  const text = read('/etc/resolv.conf');
  return /^\s*nameserver\s+127\.0\.0\.53\s*$/m.test(text) ? read('/run/systemd/resolve/resolv.conf') || text : text;
}
