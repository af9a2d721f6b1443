/** Starts containers: ports checked first, one firewall transaction, then all supervisors at once; what fails is undone. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BatchResult } from '../../src/model/engine.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Host } from '../host.ts';
import { logPath } from '../logs/log-files.ts';
import { planLog } from '../logs/plan.ts';
import { networkSetupOps, portError, type Records, resolvePorts } from '../network/index.ts';
import { currentBoot } from '../state/boot.ts';
import { projectOf, writeContainerRecord } from '../state/container-records.ts';
import { containerDir, containerRun } from '../state/paths.ts';
import type { ProcessId } from '../state/process.ts';
import type { ContainerRecord } from '../state/records.ts';
import { encodeSpec } from '../supervise/encode-spec.ts';
import type { SupervisorSpec } from '../supervise/spec.ts';
import type { CgroupFacts } from './cgroup-facts.ts';
import type { Limit } from './cgroup-limits.ts';
import { makeCgroupParents, usedParents } from './cgroup-parents.ts';
import { namedAs } from './host-files.ts';
import { groupFolders, killGroup } from './kill-group.ts';
import { leaveSession } from './leave-session.ts';
import { planContainer } from './plan-container.ts';
import { FIRST_NETWORK_SLOT } from './program.ts';
import { syncNetwork } from './publish.ts';
import { saveAccountFiles } from './rootfs-files.ts';
import { isRunning, supervisorOf } from './runtime.ts';
import { skeletonLayer } from './skeleton.ts';
import { limitRefused, startWarnings } from './start-warnings.ts';
import { supervisorSpec } from './supervisor-spec.ts';
import { noSuchContainer } from './unknown.ts';
import { rewriteLinks, writeHostFiles } from './write-host-files.ts';

type Failures = Map<string, Error>;

export async function startContainers(host: Host, names: readonly string[]): Promise<BatchResult> {
  const failed: Failures = new Map();
  const warnings = new Map<string, readonly string[]>();
  const result: BatchResult = { failed, warnings };
  const instance = await host.instance();
  const before = await host.records();
  const stopped = findStopped(host, names, before, failed);
  if (stopped.length === 0) return result;
  const wanted = await wantPorts(host, stopped, before, failed);
  if (wanted.length === 0) return result;
  const records = withChanges(before, wanted);
  const specs = await describeAll(host, wanted, records, instance, failed);
  await publish(host, wanted, records);
  await superviseAll(host, specs, instance, { failed, warnings });
  await undo(
    host,
    wanted.filter((record) => failed.has(record.name)),
    failed,
  );
  return result;
}

function findStopped(
  host: Host,
  names: readonly string[],
  records: Records,
  failed: Failures,
): readonly ContainerRecord[] {
  const stopped: ContainerRecord[] = [];
  for (const name of names) {
    const record = records.containers.find((record) => record.name === name);
    if (record === undefined) failed.set(name, noSuchContainer(name));
    else if (!isRunning(host.paths, record)) stopped.push(record);
  }
  return stopped;
}

/** Records say what is wanted before anything is done for it: a crash from here on leaves something that the next start completes. */
async function wantPorts(
  host: Host,
  stopped: readonly ContainerRecord[],
  records: Records,
  failed: Failures,
): Promise<readonly ContainerRecord[]> {
  const starting = new Set(stopped.map((record) => record.name));
  const { publishers, conflicts } = await resolvePorts(
    stopped.map((record) => ({ container: record.name, ports: record.madeFrom.ports, before: record.publishers })),
    { ...records, containers: records.containers.filter((record) => !starting.has(record.name)) },
  );
  for (const name of new Set(conflicts.map((conflict) => conflict.container))) {
    failed.set(name, portError(conflicts.filter((conflict) => conflict.container === name)));
  }
  const lastStart = { boot: currentBoot(), at: new Date().toISOString() };
  const wanted = stopped
    .filter((record) => !failed.has(record.name))
    .map(({ error: _, ...record }) => ({
      ...record,
      publishers: publishers.get(record.name) ?? [],
      wanted: true,
      stoppedByUser: false,
      lastStart,
    }));
  await Promise.all(wanted.map((record) => writeContainerRecord(host.paths, record)));
  return wanted;
}

const withChanges = (records: Records, changed: readonly ContainerRecord[]): Records => ({
  networks: records.networks,
  containers: records.containers.map((record) => changed.find((other) => other.name === record.name) ?? record),
});

/** Rules and names are there before the first program runs: it may look for its peers at once. */
async function publish(host: Host, wanted: readonly ContainerRecord[], records: Records): Promise<void> {
  const networked = wanted.filter((record) => record.endpoints.length > 0);
  if (networked.length === 0) return;
  const { names } = await host.facts();
  rewriteLinks(host.paths, networked, records, names);
  await syncNetwork(host, new Set(networked.map(projectOf)));
}

interface Described {
  readonly record: ContainerRecord;
  readonly limits: readonly Limit[];
  readonly spec: SupervisorSpec;
  /** What is done with less than was asked for. */
  readonly notes: readonly string[];
}

async function describeAll(
  host: Host,
  wanted: readonly ContainerRecord[],
  records: Records,
  instance: string,
  failed: Failures,
): Promise<readonly Described[]> {
  const [facts, images, volumes] = await Promise.all([host.facts(), host.images(), host.volumes()]);
  const skeleton = skeletonLayer(host.paths);
  // First: what limits the host has is read off the groups above the containers' own.
  makeCgroupParents(host.paths, facts.cgroups, instance, wanted);
  const describe = async (record: ContainerRecord): Promise<Described | undefined> => {
    try {
      mkdirSync(join(containerRun(host.paths, record.id), 'rootfs'), { recursive: true, mode: 0o700 });
      const layers = [...(await images.layerPaths(record.madeFrom.image.id)), skeleton];
      writeHostFiles(host.paths, record, records, facts.names);
      await clearLeftovers(host, record, facts.cgroups, instance);
      const notes: string[] = [];
      const setup = { container: record, networks: records.networks, instance, firstSlot: FIRST_NETWORK_SLOT };
      const plan = await planContainer(host, record, {
        instance,
        facts,
        layers,
        sources: await volumes.sources(record.mounts),
        namedAs: namedAs(record, records.containers) ?? record,
        accounts: await saveAccountFiles(host, record.id, layers),
        network: networkSetupOps(setup, sharedNetwork(host, record, records)),
        records: records.containers,
        note: (warning) => notes.push(warning),
      });
      const folder = containerDir(host.paths, record.id);
      const printer = { id: record.id, hostname: facts.names.hostname, container: record.madeFrom };
      const log = await planLog(printer, logPath(folder, record.id));
      const spec = supervisorSpec(record.id, folder, record.madeFrom, plan, log);
      return { record, limits: plan.cgroup.limits, spec, notes };
    } catch (error) {
      failed.set(record.name, error as Error);
      return undefined;
    }
  };
  return (await Promise.all(wanted.map(describe))).filter((described) => described !== undefined);
}

/** Processes of a start whose supervisor was killed: two of one container would write to the same files. */
async function clearLeftovers(
  host: Host,
  { id }: ContainerRecord,
  groups: CgroupFacts,
  instance: string,
): Promise<void> {
  if (groupFolders(groups, instance, id, usedParents(host.paths)).length > 0) await killGroup(host, id);
}

/** `network_mode: container:…` and `service:…`: the other's supervisor lives in the namespace. */
function sharedNetwork(host: Host, record: ContainerRecord, records: Records): ProcessId | undefined {
  const { networkMode } = record.madeFrom;
  if (networkMode.kind !== 'container') return undefined;
  const other = records.containers.find(({ name }) => name === networkMode.container);
  const supervisor = other === undefined ? undefined : supervisorOf(host.paths, other);
  if (supervisor !== undefined) return supervisor;
  throw new TcomposeError(
    `container ${record.name} shares the network of ${networkMode.container}, which is not running`,
    {
      code: 'network-donor-stopped',
      address: `container/${record.name}`,
      help: `start ${networkMode.container} first`,
    },
  );
}

async function superviseAll(
  host: Host,
  specs: readonly Described[],
  instance: string,
  { failed, warnings }: { readonly failed: Failures; readonly warnings: Map<string, readonly string[]> },
): Promise<void> {
  const [session, { cgroups }] = await Promise.all([host.session(), host.facts()]);
  await leaveSession(host, cgroups, instance);
  await Promise.all(
    specs.map(async ({ record, limits, spec, notes }) => {
      try {
        const folder = containerRun(host.paths, record.id);
        writeFileSync(join(folder, 'program'), encodeSpec(spec), { mode: 0o600 });
        const told = await session.supervise(folder, spec);
        warnings.set(record.name, [...notes, ...startWarnings(spec, told)]);
      } catch (error) {
        // Another command may have started it meanwhile: its supervisor keeps ours away, and its run folder is not ours to remove.
        if (!isRunning(host.paths, record)) failed.set(record.name, limitRefused(record.name, limits, error as Error));
      }
    }),
  );
}

/** Ports, names and run folders of those that did not start go; the records keep why. */
async function undo(host: Host, records: readonly ContainerRecord[], failed: Failures): Promise<void> {
  if (records.length === 0) return;
  for (const record of records) {
    rmSync(containerRun(host.paths, record.id), { recursive: true, force: true });
    await writeContainerRecord(host.paths, { ...record, wanted: false, error: failed.get(record.name)!.message });
  }
  await publish(host, records, await host.records());
}
