/** Starts containers: ports checked first, one firewall transaction, then all supervisors at once; what fails is undone. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BatchResult } from '../../src/model/engine.ts';
import type { StartOptions } from '../../src/model/streams.ts';
import { allotResolverPorts, needsPort, withNames } from '../dns/index.ts';
import type { Host } from '../host.ts';
import { isOutOfReach, portError, type Records, resolvePorts } from '../network/index.ts';
import { currentBoot } from '../state/boot.ts';
import { writeContainerRecord } from '../state/container-records.ts';
import { containerRun } from '../state/paths.ts';
import type { ContainerRecord } from '../state/records.ts';
import { encodeSpec } from '../supervise/encode-spec.ts';
import type { SupervisorSpec } from '../supervise/spec.ts';
import { writeContents } from './contents.ts';
import { leaveSession } from './exec/leave-session.ts';
import { writeRelayedNames } from './relayed-names.ts';
import type { CgroupFacts } from './resources/cgroup-facts.ts';
import type { Limit } from './resources/cgroup-limits.ts';
import { makeCgroupParents, usedParents } from './resources/cgroup-parents.ts';
import { groupFolders, killGroup } from './resources/kill-group.ts';
import { isRunning } from './runtime.ts';
import { settleAddresses } from './settle-addresses.ts';
import { startSpec } from './start-spec.ts';
import { limitRefused, startWarnings } from './start-warnings.ts';
import { noSuchContainer } from './unknown.ts';
import { unpublished } from './unpublished.ts';
import { portRefused, writeHeldPorts } from './update/held-ports.ts';
import { syncNetwork } from './update/publish.ts';
import { rewriteLinks, writeHostFiles } from './write-host-files.ts';

type Failures = Map<string, Error>;

export async function startContainers(
  host: Host,
  names: readonly string[],
  { watched = false }: Pick<StartOptions, 'watched'> = {},
): Promise<BatchResult> {
  const failed: Failures = new Map();
  const warnings = new Map<string, readonly string[]>();
  const result: BatchResult = { failed, warnings };
  const instance = await host.instance();
  const before = await host.records();
  const stopped = findStopped(host, names, before, failed);
  if (stopped.length === 0) return result;
  const placed = await settleAddresses(host, stopped, before, { instance, failed });
  const wanted = await wantPorts(host, placed, before, failed);
  if (wanted.length === 0) return result;
  const records = withChanges(before, wanted);
  const specs = await describeAll(host, wanted, records, instance, { failed, watched });
  await publish(host, wanted, records);
  await superviseAll(host, specs, records, instance, { failed, warnings });
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
  const { publishers, conflicts } = resolvePorts(
    stopped.map((record) => ({
      container: record.name,
      ports: isOutOfReach(record, records.networks) ? [] : record.madeFrom.ports,
      before: record.publishers,
    })),
    { ...records, containers: records.containers.filter((record) => !starting.has(record.name)) },
    { all: records.containers, isAlive: (record) => isRunning(host.paths, record) },
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
  return await writeWanted(host, wanted, records);
}

/** Most share a view that needs no port of its own; otherwise nobody else may allot one at the same time. */
async function writeWanted(
  host: Host,
  wanted: readonly ContainerRecord[],
  before: Records,
): Promise<readonly ContainerRecord[]> {
  const write = async (records: readonly ContainerRecord[]) => {
    await Promise.all(records.map((record) => writeContainerRecord(host.paths, record)));
    return records;
  };
  if (!wanted.some((record) => needsPort(record, before))) return await write(wanted);
  return await withNames(
    await host.dnsContext(),
    async () => await write(allotResolverPorts(wanted, await host.records())),
  );
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
  await syncNetwork(host, networked);
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
  { failed, watched }: { readonly failed: Failures; readonly watched: boolean },
): Promise<readonly Described[]> {
  const facts = await host.facts();
  // First: what limits the host has is read off the groups above the containers' own.
  makeCgroupParents(host.paths, facts.cgroups, instance, wanted);
  const describe = async (record: ContainerRecord): Promise<Described | undefined> => {
    try {
      mkdirSync(join(containerRun(host.paths, record.id), 'rootfs'), { recursive: true, mode: 0o700 });
      writeHostFiles(host.paths, record, records, { host: facts.names, occasion: 'start' });
      await clearLeftovers(host, record, facts.cgroups, instance);
      await writeContents(host, record, { isNew: false });
      const notes: string[] = [];
      if (record.madeFrom.ports.length > 0 && isOutOfReach(record, records.networks))
        notes.push(unpublished(record, records.networks));
      const { spec, limits } = await startSpec(host, record, records, (warning) => notes.push(warning));
      // Its output waits until the reader is there.
      const isHeld = spec.foreground === true || (watched && spec.log.file === undefined);
      return { record, limits, spec: { ...spec, foreground: isHeld }, notes };
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

async function superviseAll(
  host: Host,
  specs: readonly Described[],
  records: Records,
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
        writeHeldPorts(host.paths, record, records);
        writeRelayedNames(host.paths, record, records);
        const told = await session.supervise(folder, spec);
        warnings.set(record.name, [...notes, ...startWarnings(spec, told)]);
      } catch (error) {
        // Another command may have started it meanwhile: its supervisor keeps ours away, and its run folder is not ours to remove.
        if (isRunning(host.paths, record)) return;
        failed.set(record.name, limitRefused(record.name, limits, portRefused(record, records, error as Error)));
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
