/** The instance's own control groups, above those of its containers; and the place where supervisors live. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { cgroupParent, UNIFIED_CONTROLLERS } from './cgroup.ts';
import type { CgroupFacts } from './cgroup-facts.ts';

/** Hierarchies that containers join, or that systemd ends sessions by. */
const USED = ['memory', 'pids', 'cpu', 'cpuset', 'freezer', 'devices', 'systemd'];

export const parentGroups = (facts: CgroupFacts, instance: string): readonly string[] => {
  const points = [facts.unified, ...USED.map((controller) => facts.hierarchies[controller])];
  return [...new Set(points.filter((point) => point !== undefined))].map(
    (point) => `${point}/${cgroupParent(instance)}`,
  );
};

/** Before containers are started. `groups`: the folders they will have. */
export function makeCgroupParents(facts: CgroupFacts, groups: readonly string[]): void {
  for (const folder of new Set(groups.map((group) => dirname(group)))) {
    if (!existsSync(folder)) mkdirSync(folder, { recursive: true });
    if (existsSync(`${folder}/cpuset.cpus`) && facts.mode !== 'unified') inheritCpuset(dirname(folder), folder);
    if (facts.mode !== 'unified') continue;
    handDown(dirname(folder));
    handDown(folder);
  }
}

/** Version 1: a group without processors and memory nodes accepts nobody. */
function inheritCpuset(above: string, folder: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (readFileSync(`${folder}/${file}`, 'utf8').trim() === '')
      writeFileSync(`${folder}/${file}`, readFileSync(`${above}/${file}`));
  }
}

/** One by one: a controller that is missing or busy must not keep the others away. */
function handDown(folder: string): void {
  const enabled = readFileSync(`${folder}/cgroup.subtree_control`, 'utf8').trim().split(' ');
  const available = readFileSync(`${folder}/cgroup.controllers`, 'utf8').trim().split(' ');
  for (const controller of UNIFIED_CONTROLLERS) {
    if (!available.includes(controller) || enabled.includes(controller)) continue;
    try {
      writeFileSync(`${folder}/cgroup.subtree_control`, `+${controller}`);
    } catch {
      // Limits of this controller will fail by name when one is asked for; doctor names it.
    }
  }
}

/** With the last container gone. What is still in use stays. */
export function removeCgroupParents(facts: CgroupFacts, instance: string): void {
  for (const folder of parentGroups(facts, instance)) {
    try {
      rmdirSync(`${folder}/supervisors`);
    } catch {
      // Not there in most hierarchies.
    }
    try {
      if (existsSync(folder) && readdirSync(folder, { withFileTypes: true }).every((entry) => !entry.isDirectory()))
        rmdirSync(folder);
    } catch {
      // A process is leaving this moment: the next command that removes something comes by again.
    }
  }
}
