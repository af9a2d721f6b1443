/** Kernel objects and files that carry this instance's name and belong to no record: what a crash may have left. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Leftover } from '../../src/model/engine.ts';
import { cgroupParent } from '../container/resources/cgroup.ts';
import type { CgroupFacts } from '../container/resources/cgroup-facts.ts';
import { parentGroups, usedParents } from '../container/resources/cgroup-parents.ts';
import type { Host } from '../host.ts';
import { namesIn, readText } from '../state/files.ts';
import { containerRun } from '../state/paths.ts';
import { isAlive } from '../state/process.ts';
import { parseState } from '../supervise/state-file.ts';

export async function findLeftovers(host: Host): Promise<readonly Leftover[]> {
  const instance = host.knownInstance();
  if (instance === undefined) return [];
  const records = await host.records();
  const ids = new Set(records.containers.map((record) => record.id));
  const { leftoverNames, readNetworkFacts } = await import('../network/index.ts');
  const [facts, network] = await Promise.all([host.facts(), readNetworkFacts({ ipv6: true })]);
  const { interfaces, chains } = leftoverNames(records, network, instance);
  return [
    ...interfaces.map((name): Leftover => ({ kind: 'interface', name })),
    ...chains.map((name): Leftover => ({ kind: 'chain', name })),
    ...findProcesses(host, ids),
    ...findMounts(host),
    ...groupsOf(parentGroups(facts.cgroups, instance), ids),
    ...strayGroups(usedParents(host.paths), facts.cgroups, instance, ids),
    ...findFiles(host, ids),
  ];
}

/** Supervisors of containers that no record knows: their containers run on. */
function findProcesses(host: Host, ids: ReadonlySet<string>): Leftover[] {
  return namesIn(join(host.paths.run, 'containers')).flatMap((id): Leftover[] => {
    if (ids.has(id)) return [];
    const supervisor = parseState(readText(join(containerRun(host.paths, id), 'state')) ?? '')?.supervisor;
    return supervisor !== undefined && isAlive(supervisor)
      ? [{ kind: 'process', name: `${supervisor.pid}`, owner: id }]
      : [];
  });
}

/** Ours live in the containers' own mount namespaces; one that the host sees came there by accident. */
function findMounts(host: Host): Leftover[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${host.paths.run}/containers/`))
    .map((name) => ({ kind: 'mount', name }));
}

/** Folders below the instance's groups that are no container's; and those themselves, when there is no container at all. */
function groupsOf(parents: readonly string[], ids: ReadonlySet<string>): Leftover[] {
  return parents.filter(existsSync).flatMap((parent): Leftover[] => {
    const below = readdirSync(parent, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !ids.has(entry.name) && !(ids.size > 0 && entry.name === 'supervisors'))
      .map((entry): Leftover => ({ kind: 'cgroup', name: join(parent, entry.name), owner: entry.name }));
    return ids.size > 0 ? below : [...below, { kind: 'cgroup', name: parent }];
  });
}

/** In groups that cgroup_parent named: strangers live there too. */
function strayGroups(
  parents: readonly string[],
  { unified, hierarchies }: CgroupFacts,
  instance: string,
  ids: ReadonlySet<string>,
): Leftover[] {
  const points = new Set([unified, ...Object.values(hierarchies)].filter((point) => point !== undefined));
  const ours = `${cgroupParent(instance)}-`;
  return [...points].flatMap((point) =>
    parents.flatMap((parent) =>
      namesIn(join(point, parent))
        .filter((name) => name.startsWith(ours) && !ids.has(name.slice(ours.length)))
        .map((name): Leftover => ({ kind: 'cgroup', name: join(point, parent, name), owner: name.slice(ours.length) })),
    ),
  );
}

/** Half made or half removed containers, in both folders. */
function findFiles(host: Host, ids: ReadonlySet<string>): Leftover[] {
  return [host.paths.root, host.paths.run].flatMap((top) =>
    namesIn(join(top, 'containers'))
      .filter((name) => !ids.has(name))
      .map((name): Leftover => ({ kind: 'file', name: join(top, 'containers', name), owner: name })),
  );
}
