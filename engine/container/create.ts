/** Makes containers: a record, its folders, addresses and volumes. Nothing of it runs yet. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { DesiredContainer } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Host } from '../host.ts';
import { findLogProblem } from '../logs/plan.ts';
import { allotEndpoints, type Records } from '../network/index.ts';
import { PROJECT_LABEL, writeContainerRecord } from '../state/container-records.ts';
import { withFolderLock } from '../state/file-lock.ts';
import { makeFolder } from '../state/files.ts';
import { containerDir } from '../state/paths.ts';
import { type ContainerRecord, type MountRecord, RECORD_VERSION } from '../state/records.ts';
import { resolveMounts } from '../volume/index.ts';
import { removeContents, writeContents } from './contents.ts';
import type { HostFacts } from './host-facts.ts';
import { capabilityMask } from './isolation/capabilities.ts';
import { checkIsolation, checkPlatform } from './isolation/check-isolation.ts';
import { allotUser } from './isolation/user-namespace.ts';
import { limitsProblem } from './resources/check-limits.ts';
import { ownNamespaces, rlimitOps, sysctlWrites } from './resources/limits.ts';
import { idleAmong, isRunning } from './runtime.ts';
import { signalNumber } from './signals.ts';
import { sweepStrays } from './sweep.ts';

export interface CreateRequest {
  readonly container: DesiredContainer;
  readonly inheritsFrom?: string;
  /** Addresses that others ask for by number. */
  readonly avoid?: readonly string[];
}

interface Made {
  readonly record: ContainerRecord;
  readonly layers: readonly string[];
}

export async function createContainers(
  host: Host,
  wanted: readonly CreateRequest[],
): Promise<ReadonlyMap<string, Error>> {
  const failed = new Map<string, Error>();
  const [instance, facts] = await Promise.all([host.instance(), host.facts()]);
  makeFolder(join(host.paths.root, 'containers'));
  // Names and addresses are the whole instance's: another project may be allotting its own this moment.
  const made = await withFolderLock(
    join(host.paths.root, 'containers'),
    async () => {
      await sweepStrays(host);
      const records = await host.records();
      const drafts = await draft(host, wanted, records, { instance, facts, failed });
      await Promise.all(
        drafts.map(async ({ record }) => attempt(failed, record.name, () => writeFolder(host, record))),
      );
      return drafts.filter(({ record }) => !failed.has(record.name));
    },
    await host.session(),
  );
  await Promise.all(made.map(async (one) => attempt(failed, one.record.name, () => fillVolumes(host, one))));
  return failed;
}

async function attempt(failed: Map<string, Error>, name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    failed.set(name, error as Error);
  }
}

interface DraftContext {
  readonly instance: string;
  readonly facts: HostFacts;
  readonly failed: Map<string, Error>;
}

/** One after the other: each sees the addresses and mounts of those before it. */
async function draft(
  host: Host,
  wanted: readonly CreateRequest[],
  records: Records,
  context: DraftContext,
): Promise<Made[]> {
  const made: Made[] = [];
  const coming = wanted.map(({ container }) => container);
  const idle = idleAmong(host.paths, records.containers);
  for (const request of wanted) {
    await attempt(context.failed, request.container.name, async () => {
      const present = [...records.containers, ...made.map(({ record }) => record)];
      const known = { networks: records.networks, containers: present, coming, idle, avoid: request.avoid ?? [] };
      const one = await draftOne(host, request, known, context);
      if (one !== undefined) made.push(one);
    });
  }
  return made;
}

async function draftOne(
  host: Host,
  { container, inheritsFrom }: CreateRequest,
  records: Records,
  { instance, facts }: DraftContext,
): Promise<Made | undefined> {
  const before = records.containers.find((record) => record.name === container.name);
  if (before !== undefined && inheritsFrom !== container.name) {
    if (isDeepStrictEqual(before.madeFrom, container)) return undefined;
    throw nameTaken(before);
  }
  if (before !== undefined && isRunning(host.paths, before)) throw stillRunning(before);
  checkContainer(container, facts);
  await checkPlatform(host, container, facts);
  const images = await host.images();
  const [layers, image] = await Promise.all([images.layerPaths(container.image.id), images.find(container.image.id)]);
  const others = records.containers.filter((record) => record !== before);
  const mountsOf = (name: string): readonly MountRecord[] | undefined =>
    records.containers.find((record) => record.name === name)?.mounts;
  const id = newId();
  const ids = allotUser(container, before, others);
  const record: ContainerRecord = {
    version: RECORD_VERSION,
    id,
    name: container.name,
    createdAt: new Date().toISOString(),
    madeFrom: container,
    endpoints: allotEndpoints(container, id, { ...records, containers: others }, instance, {
      endpoints: before?.endpoints ?? [],
      isWired: false,
    }),
    publishers: before?.publishers ?? [],
    ...(ids === undefined ? {} : { ids }),
    mounts: resolveMounts({
      mounts: container.mounts,
      imageVolumes: image?.config.volumes ?? [],
      inherited: (inheritsFrom === undefined ? undefined : mountsOf(inheritsFrom)) ?? [],
      mountsOf,
    }),
    wanted: false,
    stoppedByUser: false,
    ...(before === undefined ? {} : { replaces: before.id }),
  };
  return { record, layers };
}

/** All that can be known to be wrong before anything is made. */
function checkContainer(container: DesiredContainer, facts: HostFacts): void {
  capabilityMask(container.security, facts.capabilities);
  rlimitOps(container.ulimits);
  sysctlWrites(container.sysctls, ownNamespaces(container));
  signalNumber(container.stop.signal);
  checkIsolation(container, facts);
  const problem =
    findLogProblem(container) ??
    limitsProblem(container, {
      processors: facts.processors,
      controllers: facts.cgroups.controllers,
    });
  if (problem !== undefined) throw problem;
}

async function writeFolder(host: Host, record: ContainerRecord): Promise<void> {
  const folder = containerDir(host.paths, record.id);
  try {
    mkdirSync(folder, { mode: 0o710 });
    for (const name of ['upper', 'work', 'log']) mkdirSync(join(folder, name), { mode: 0o700 });
    // It becomes the container's own "/", which its users must be able to enter.
    chmodSync(join(folder, 'upper'), 0o755);
    const volumes = await host.volumes();
    const project = record.madeFrom.labels[PROJECT_LABEL];
    await volumes.prepare(record.mounts, project === undefined ? {} : { [PROJECT_LABEL]: project });
    await writeContents(host, record, { isNew: true });
    // The moment at which it is there, and the one it replaces is not.
    await writeContainerRecord(host.paths, record);
    if (record.replaces !== undefined) {
      await rm(containerDir(host.paths, record.replaces), { recursive: true, force: true });
      await removeContents(host.paths, record.replaces);
    }
  } catch (error) {
    await Promise.all([rm(folder, { recursive: true, force: true }), removeContents(host.paths, record.id)]);
    throw error;
  }
}

/** After the record: an interrupted copy is begun again by whoever creates next, or by the first start. */
async function fillVolumes(host: Host, { record, layers }: Made): Promise<void> {
  const volumes = await host.volumes();
  await volumes.seed(record.mounts, layers);
}

/** Short ids (12 digits) must never be all decimal: they are hostnames too. */
function newId(): string {
  for (;;) {
    const id = randomBytes(32).toString('hex');
    if (!/^[0-9]{12}/.test(id)) return id;
  }
}

const nameTaken = (other: ContainerRecord) =>
  new TcomposeError(`the name ${other.name} is already in use by container ${other.id.slice(0, 12)}`, {
    code: 'name-in-use',
    address: `container/${other.name}`,
    help: 'remove that container, or choose another container_name',
  });

const stillRunning = (other: ContainerRecord) =>
  new TcomposeError(`container ${other.name} is running and cannot be replaced`, {
    code: 'container-running',
    address: `container/${other.name}`,
    help: 'stop it first',
  });
