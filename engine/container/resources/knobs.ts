/** What this host's control groups and disks offer, asked of the kernel when a container wants it. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { CgroupFacts } from './cgroup-facts.ts';
import type { BlockDevice, Knobs } from './cgroup-limits.ts';

/** `parent`: relative to the mount points; it exists. */
export function hostKnobs(facts: CgroupFacts, parent: string): Knobs {
  const pointOf = (controller: string) =>
    facts.mode === 'unified' ? unifiedPoint(facts, controller) : facts.hierarchies[controller];
  return {
    has: (controller, file) => {
      const point = pointOf(controller);
      if (point === undefined) return undefined;
      const folder = `${point}/${parent}`;
      if (facts.mode === 'unified') mustHandDown(folder, controller);
      return existsSync(`${folder}/${file}`);
    },
    read: (controller, file) => {
      const point = pointOf(controller);
      return point === undefined ? '' : readText(`${point}/${parent}/${file}`).trim();
    },
    device: (path) => (path === '*' ? anyBfq() : blockDevice(path)),
  };
}

const unifiedPoint = ({ unified, controllers }: CgroupFacts, controller: string): string | undefined =>
  controllers.includes(controller) ? unified : undefined;

/** cgroup-parents.ts has tried: the kernel refuses while processes live beside the groups. */
function mustHandDown(folder: string, controller: string): void {
  if (readText(`${folder}/cgroup.subtree_control`).trim().split(' ').includes(controller)) return;
  const above = readText(`${folder}/cgroup.controllers`).trim().split(' ').includes(controller)
    ? folder
    : dirname(folder);
  throw new TcomposeError(`limits of ${controller} cannot be set below ${folder}`, {
    code: 'limit-impossible',
    help: `processes live in ${above} itself, so that it cannot share ${controller} out: move them to a group below it, or use another cgroup_parent`,
  });
}

export function blockDevice(path: string): BlockDevice | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isBlockDevice()) return undefined;
  const major = Math.floor(found.rdev / 256) % 4096;
  const minor = (found.rdev % 256) + Math.floor(found.rdev / 2 ** 20) * 256;
  return { major, minor, scheduler: schedulerOf(`/sys/dev/block/${major}:${minor}`) };
}

/** The one in brackets. */
const schedulerOf = (folder: string): string => /\[([^\]]+)\]/.exec(readText(`${folder}/queue/scheduler`))?.[1] ?? '';

/** As a list, `0-3,8`. */
export const onlineCpus = (): string => readText('/sys/devices/system/cpu/online').trim();

function anyBfq(): BlockDevice | undefined {
  const disks = existsSync('/sys/block') ? readdirSync('/sys/block') : [];
  const isBfq = disks.some((name) => schedulerOf(`/sys/block/${name}`) === 'bfq');
  return isBfq ? { major: 0, minor: 0, scheduler: 'bfq' } : undefined;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
