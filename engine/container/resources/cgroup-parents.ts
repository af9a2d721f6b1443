/** The instance's own control groups, above those of its containers; those that cgroup_parent names; where supervisors live. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readText } from '../../state/files.ts';
import type { Paths } from '../../state/paths.ts';
import { type CgroupWish, cgroupParent, cgroupPlace, parentOf, UNIFIED_CONTROLLERS } from './cgroup.ts';
import type { CgroupFacts } from './cgroup-facts.ts';

/** Hierarchies that containers join, or that systemd ends sessions by. */
const USED = ['memory', 'pids', 'blkio', 'cpu', 'cpuset', 'cpuacct', 'freezer', 'devices', 'systemd'];

const pointsOf = (facts: CgroupFacts): readonly string[] => {
  const points = [facts.unified, ...USED.map((controller) => facts.hierarchies[controller])];
  return [...new Set(points.filter((point) => point !== undefined))];
};

export const parentGroups = (facts: CgroupFacts, instance: string): readonly string[] =>
  pointsOf(facts).map((point) => `${point}/${cgroupParent(instance)}`);

/** Before limits are looked for and containers are started. */
export function makeCgroupParents(
  paths: Paths,
  facts: CgroupFacts,
  instance: string,
  wishes: readonly CgroupWish[],
): void {
  const done = new Set<string>();
  for (const wish of wishes) {
    const parent = parentOf(instance, wish.madeFrom);
    const isOwn = parent === cgroupParent(instance);
    for (const folder of cgroupPlace(facts, instance, wish).folders) {
      const above = dirname(folder);
      if (done.has(above)) continue;
      done.add(above);
      makeDown(above.slice(0, -parent.length - 1), parent, facts, isOwn ? undefined : () => strangers(paths));
    }
    if (!isOwn) remember(paths, 'use', parent);
    if (wish.madeFrom.resources.cpuRealtimeRuntimeUs !== undefined) shareRealtime(facts, parent, wish);
  }
}

/** `memo`: for groups that are not ours by name, where it is kept that we made them. */
function makeDown(
  point: string,
  parent: string,
  facts: CgroupFacts,
  memo: (() => { made(folder: string): void }) | undefined,
): void {
  let folder = point;
  for (const name of parent.split('/')) {
    if (facts.mode === 'unified') handDown(folder);
    const above = folder;
    folder = `${folder}/${name}`;
    if (!existsSync(folder)) {
      memo?.().made(folder);
      mkdirSync(folder, { recursive: true });
    }
    if (facts.mode !== 'unified' && existsSync(`${folder}/cpuset.cpus`)) inheritCpuset(above, folder);
  }
  if (facts.mode === 'unified') handDown(folder);
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
      // A limit of this controller is refused by name when one is asked for (knobs.ts).
    }
  }
}

const DEFAULT_PERIOD_US = 1_000_000;

/** Version 1: a group can give its children no more real time than it was given, and begins with none. */
function shareRealtime(facts: CgroupFacts, parent: string, { id, madeFrom: { resources } }: CgroupWish): void {
  const folder = `${facts.hierarchies['cpu']}/${parent}`;
  const read = (group: string, file: string) => Number(readText(`${group}/cpu.rt_${file}_us`) ?? 0);
  if (facts.mode === 'unified' || !existsSync(`${folder}/cpu.rt_runtime_us`)) return;
  const others = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.endsWith(id))
    .map(({ name }) => read(`${folder}/${name}`, 'runtime') / (read(`${folder}/${name}`, 'period') || 1));
  const own = resources.cpuRealtimeRuntimeUs! / (resources.cpuRealtimePeriodUs ?? DEFAULT_PERIOD_US);
  const share = others.reduce((sum, one) => sum + one, own);
  const wanted = Math.ceil(share * (read(folder, 'period') || DEFAULT_PERIOD_US));
  try {
    if (wanted > read(folder, 'runtime')) writeFileSync(`${folder}/cpu.rt_runtime_us`, `${wanted}`);
  } catch {
    // More than the group above has left: the container's own write says so.
  }
}

/**
 * RUN/cgroup-parents: `use m-executor` for each path that cgroup_parent named, `made /sys/fs/cgroup/…` for each group that was not
 * there before us. One that somebody else made, with limits of their own perhaps, is not ours to remove.
 */
const memoPath = (paths: Paths): string => join(paths.run, 'cgroup-parents');

const readMemo = (paths: Paths): readonly (readonly [string, string])[] =>
  (readText(memoPath(paths)) ?? '').split('\n').flatMap((line) => {
    const space = line.indexOf(' ');
    return space < 0 ? [] : [[line.slice(0, space), line.slice(space + 1)] as const];
  });

function remember(paths: Paths, word: 'use' | 'made', what: string): void {
  if (!readMemo(paths).some(([key, value]) => key === word && value === what))
    appendFileSync(memoPath(paths), `${word} ${what}\n`, { mode: 0o600 });
}

const strangers = (paths: Paths) => ({ made: (folder: string) => remember(paths, 'made', folder) });

/** Where containers of the instance may be besides its own groups, relative to the mount points. */
export const usedParents = (paths: Paths): readonly string[] =>
  readMemo(paths).flatMap(([word, value]) => (word === 'use' ? [value] : []));

/** After containers went: groups of ours that hold no container any more. What is still in use stays. */
export function removeCgroupParents(
  paths: Paths,
  facts: CgroupFacts,
  instance: string,
  left: readonly CgroupWish[],
): void {
  const needed = new Set(left.flatMap((wish) => cgroupPlace(facts, instance, wish).folders.map((one) => dirname(one))));
  const made = readMemo(paths).flatMap(([word, value]) => (word === 'made' ? [value] : []));
  // Children before parents.
  const unneeded = made.filter((folder) => ![...needed].some((other) => `${other}/`.startsWith(`${folder}/`)));
  for (const folder of unneeded.sort((a, b) => b.length - a.length)) removeGroup(folder);
  if (left.length > 0) return;
  for (const folder of parentGroups(facts, instance)) {
    removeGroup(`${folder}/supervisors`);
    removeGroup(folder);
  }
}

/** One that holds groups or processes stays: the next command that removes something comes by again. */
function removeGroup(folder: string): void {
  try {
    if (existsSync(folder) && readdirSync(folder, { withFileTypes: true }).every((entry) => !entry.isDirectory()))
      rmdirSync(folder);
  } catch {
    // A process is leaving this moment.
  }
}
