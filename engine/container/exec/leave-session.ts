/**
 * Takes the launcher out of the login session that this command runs in: systemd ends a session by its control group, and the
 * supervisors, which are the launcher's children, are to survive that. Once per command: moving a process takes a lock of the
 * whole machine, some ten milliseconds, which fifty supervisors would pay one after the other.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Host } from '../../host.ts';
import { O_CLOEXEC, O_DIRECTORY, O_PATH } from '../linux.ts';
import { cgroupParent } from '../resources/cgroup.ts';
import type { CgroupFacts } from '../resources/cgroup-facts.ts';

export async function leaveSession(host: Host, facts: CgroupFacts, instance: string): Promise<void> {
  const folders = foldersToEnter(facts, readFileSync('/proc/self/cgroup', 'utf8'), instance);
  if (folders.length === 0) return;
  const pid = await sessionPid(host);
  for (const folder of folders) {
    if (!existsSync(folder)) mkdirSync(folder);
    writeFileSync(`${folder}/cgroup.procs`, `${pid}`);
  }
}

/** Where systemd keeps track of us: lines of /proc/self/cgroup are `number:controllers:path`, version 2 is number 0. */
export function foldersToEnter(facts: CgroupFacts, own: string, instance: string): readonly string[] {
  return own.split('\n').flatMap((line) => {
    const [number = '', controllers = '', path = ''] = line.split(':');
    if (!/\.(slice|scope|service)(\/|$)/.test(path)) return [];
    const point =
      number === '0' ? facts.unified : controllers === 'name=systemd' ? facts.hierarchies['systemd'] : undefined;
    return point === undefined ? [] : [`${point}/${cgroupParent(instance)}/supervisors`];
  });
}

/** The parent of any program it runs. */
async function sessionPid(host: Host): Promise<number> {
  const { data } = await (await host.session()).run([
    { op: 'open', slot: 0, path: '/proc/self', flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
    { op: 'read-in', root: 0, inside: 'stat', maxBytes: 4096 },
  ]);
  const text = data.get(1)!.toString('latin1');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
}
