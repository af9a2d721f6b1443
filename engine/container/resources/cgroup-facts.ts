/** Which control groups this host has: version 2 alone, version 1 alone, or both, and where they are mounted. */

export interface CgroupFacts {
  readonly mode: 'unified' | 'hybrid' | 'legacy' | 'none';
  /** Where the version 2 hierarchy is mounted. */
  readonly unified?: string;
  /** Version 1: controller → mount point; `systemd` for the named one. Controllers mounted together share a point. */
  readonly hierarchies: Readonly<Record<string, string>>;
  /** Those that limits can be set for. */
  readonly controllers: readonly string[];
}

/** From the text of /proc/self/mountinfo (proc(5)): `36 35 98:0 / /mnt rw shared:1 - type source options`. */
export function parseCgroupFacts(mountinfo: string): CgroupFacts {
  let unified: string | undefined;
  const hierarchies: Record<string, string> = {};
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ', 2);
    const [type = '', , options = ''] = after.split(' ');
    const point = unescapePoint(before.split(' ')[4] ?? '');
    if (type === 'cgroup2') unified ??= point;
    if (type !== 'cgroup') continue;
    for (const option of options.split(',')) {
      const controller = option.replace(/^name=/, '');
      if (CONTROLLERS.has(controller)) hierarchies[controller] ??= point;
    }
  }
  const hasLegacy = Object.keys(hierarchies).length > 0;
  const mode = unified === undefined ? (hasLegacy ? 'legacy' : 'none') : hasLegacy ? 'hybrid' : 'unified';
  return { mode, hierarchies, controllers: Object.keys(hierarchies), ...(unified === undefined ? {} : { unified }) };
}

/** Mount point → path below it, of a process in the version 1 hierarchies: lines of its /proc/PID/cgroup. Those out of our sight are left out. */
export function groupsOf({ hierarchies }: CgroupFacts, text: string): ReadonlyMap<string, string> {
  const groups = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, controllers = '', path = ''] = /^[1-9][0-9]*:([^:]*):(.*)$/.exec(line) ?? [];
    const point = hierarchies[controllers.split(',')[0]!.replace(/^name=/, '')];
    if (point !== undefined && !path.startsWith('/..')) groups.set(point, path);
  }
  return groups;
}

const CONTROLLERS = new Set(['cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'blkio', 'pids', 'systemd']);

/** Blanks and backslashes in mount points are octal escapes. */
const unescapePoint = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
