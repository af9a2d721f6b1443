/** Ends every process of a container whose supervisor cannot be asked any more, and removes its control groups. */
import { existsSync, readFileSync, rmdirSync, watch, writeFileSync } from 'node:fs';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { Host } from '../../host.ts';
import { cgroupParent, groupName } from './cgroup.ts';
import type { CgroupFacts } from './cgroup-facts.ts';
import { usedParents } from './cgroup-parents.ts';

const PATIENCE_MS = 10_000;

export async function killGroup(host: Host, id: string): Promise<void> {
  const [{ cgroups }, instance] = await Promise.all([host.facts(), host.instance()]);
  const folders = groupFolders(cgroups, instance, id, usedParents(host.paths));
  if (folders.length === 0) return;
  for (const folder of folders) killAll(folder);
  const end = performance.now() + PATIENCE_MS;
  while (!folders.every(removed)) {
    if (performance.now() > end) throw unkillable(id);
    for (const folder of folders) killAll(folder);
    await changed(folders[0]!);
  }
}

/** `others`: paths besides the instance's own groups (cgroup_parent). */
export function groupFolders(
  facts: CgroupFacts,
  instance: string,
  id: string,
  others: readonly string[] = [],
): readonly string[] {
  const points = [facts.unified, ...Object.values(facts.hierarchies)].filter((point) => point !== undefined);
  const inside = [cgroupParent(instance), ...others].map((parent) => `${parent}/${groupName(instance, parent, id)}`);
  return [...new Set(points)].flatMap((point) => inside.map((path) => `${point}/${path}`)).filter(existsSync);
}

/** Version 2 does it at once; elsewhere forks are raced, so this is repeated until nobody is left. */
function killAll(folder: string): void {
  try {
    // Frozen, they would end only when thawed.
    if (existsSync(`${folder}/freezer.state`)) writeFileSync(`${folder}/freezer.state`, 'THAWED');
    if (existsSync(`${folder}/cgroup.kill`)) writeFileSync(`${folder}/cgroup.kill`, '1');
    // 0: it is outside of our process namespace; to kill(2) that would be ourselves and our group.
    else
      for (const pid of readFileSync(`${folder}/cgroup.procs`, 'utf8').split('\n').map(Number))
        if (pid > 0) process.kill(pid, 'SIGKILL');
  } catch {
    // The group or one of its processes is gone: what we want.
  }
}

function removed(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Version 2 tells when the last process has gone; version 1 has nothing to watch, so a moment passes. */
const changed = (folder: string): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      watcher?.close();
      resolve();
    };
    const timer = setTimeout(done, 20);
    const events = `${folder}/cgroup.events`;
    const watcher = existsSync(events) ? watch(events, done).on('error', done) : undefined;
  });

const unkillable = (id: string) =>
  new TcomposeError(`processes of container ${id.slice(0, 12)} cannot be ended`, {
    code: 'process-unkillable',
    help: 'the kernel holds them, perhaps in input or output that never comes: see "ps -eo pid,stat,wchan,args"',
  });
