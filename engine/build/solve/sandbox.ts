/**
 * What a RUN has of a container besides files: a place on a network, control groups, host files. It is a container of the engine, so that
 * addresses, firewall, names and sweeping know of it, but one without a supervisor: its processes are children of this command and end
 * with it. One is used by one step at a time; steps that run side by side have one each.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildRequest } from '../../../src/model/build.ts';
import { defaultBridge } from '../../../src/model/default-bridge.ts';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import { removeContainers } from '../../container/remove.ts';
import { makeCgroupParents } from '../../container/resources/cgroup-parents.ts';
import { sweepStrays } from '../../container/sweep.ts';
import { syncNetwork } from '../../container/update/publish.ts';
import { writeHostFiles } from '../../container/write-host-files.ts';
import type { Host } from '../../host.ts';
import { allotEndpoints, createNetworks, findNetwork, removeNetworks } from '../../network/index.ts';
import { writeContainerRecord } from '../../state/container-records.ts';
import { withFolderLock } from '../../state/file-lock.ts';
import { makeFolder } from '../../state/files.ts';
import { containerDir, containerRun } from '../../state/paths.ts';
import { isAlive, startTimeOf } from '../../state/process.ts';
import { type ContainerRecord, RECORD_VERSION } from '../../state/records.ts';

/** Value: process id and start time of the builder. The library's label, so that it clears away what killed builders left, too. */
const OWNER_LABEL = 'tcompose.owner';
const NAME = /^build-[0-9a-f]{12}$/;
/** BuildKit's: a step that looks at its host's name gives the same layer everywhere. */
const HOSTNAME = 'buildkitsandbox';

export interface Sandboxes {
  /** `network`: `default`, `none`, `host`, or the name of one of the engine's. */
  with<T>(network: string, work: (record: ContainerRecord) => Promise<T>): Promise<T>;
  /** Begins to make one, for a RUN that comes soon. */
  warm(network: string): void;
  /** Removes them all; nothing is running in them any more. */
  close(): Promise<void>;
}

export function makeSandboxes(host: Host, request: BuildRequest): Sandboxes {
  const free = new Map<string, Promise<ContainerRecord>[]>();
  const warmed = new Map<string, Promise<ContainerRecord>>();
  const all: ContainerRecord[] = [];
  let begun: Promise<void> | undefined;
  const make = async (network: string): Promise<ContainerRecord> => {
    begun ??= removeAbandoned(host);
    await begun;
    return makeSandbox(host, request, network, (one) => all.push(one));
  };
  const idleOn = (network: string): Promise<ContainerRecord>[] => {
    const idle = free.get(network) ?? [];
    free.set(network, idle);
    return idle;
  };
  return {
    warm(network) {
      if (warmed.has(network)) return;
      const record = make(network);
      // Told to who waits for it.
      record.catch(() => undefined);
      warmed.set(network, record);
      idleOn(network).push(record);
    },
    async with(network, work) {
      const idle = idleOn(network);
      const record = await (idle.pop() ?? make(network));
      try {
        return await work(record);
      } finally {
        idle.push(Promise.resolve(record));
      }
    },
    async close() {
      await Promise.allSettled(warmed.values());
      if (all.length > 0) await remove(host, all.splice(0));
    },
  };
}

async function remove(host: Host, records: readonly ContainerRecord[]): Promise<void> {
  const names = records.map(({ name }) => name);
  const usesBridge = records.some(({ endpoints }) => endpoints.some(({ network }) => network === defaultBridge.name));
  const failed = await removeContainers(host, names, { anonymousVolumes: false });
  // As after `down`: it stays while anybody has a place on it.
  const context = await host.networkContext();
  const removeBridge = () => removeNetworks(context, [defaultBridge.name], []).catch(() => undefined);
  if (usesBridge) await withFolderLock(containersFolder(host), removeBridge);
  for (const error of failed.values()) throw error;
}

function containersFolder(host: Host): string {
  const folder = join(host.paths.root, 'containers');
  makeFolder(folder);
  return folder;
}

/** Of builders that were killed. */
async function removeAbandoned(host: Host): Promise<void> {
  const { containers } = await host.records();
  const abandoned = containers.filter(({ name, madeFrom }) => {
    const [, pid, startTime] = /^(\d+)-(\d+)$/.exec(madeFrom.labels[OWNER_LABEL] ?? '') ?? [];
    return NAME.test(name) && pid !== undefined && !isAlive({ pid: Number(pid), startTime: startTime! });
  });
  if (abandoned.length > 0) await remove(host, abandoned);
}

async function makeSandbox(
  host: Host,
  request: BuildRequest,
  network: string,
  made: (record: ContainerRecord) => void,
): Promise<ContainerRecord> {
  const [instance, facts] = await Promise.all([host.instance(), host.facts()]);
  const name = `build-${randomBytes(6).toString('hex')}`;
  const container = containerOf(request, name, network);
  if (!['default', 'none', 'host'].includes(network) && findNetwork(host.paths, network) === undefined)
    throw new TcomposeError(`there is no network ${network} for RUN`, {
      code: 'network-missing',
      address: `network/${network}`,
      help: 'use default, none or host, or create it first',
    });
  const record = await withFolderLock(containersFolder(host), async () => {
    // With the lock: builds beside this one look for the bridge at the same moment, or take it away.
    if (network === 'default') await createNetworks(await host.networkContext(), [defaultBridge]);
    await sweepStrays(host);
    const id = randomBytes(32).toString('hex');
    const one: ContainerRecord = {
      version: RECORD_VERSION,
      id,
      name,
      createdAt: new Date().toISOString(),
      madeFrom: container,
      endpoints: allotEndpoints(container, id, await host.records(), instance),
      publishers: [],
      mounts: [],
      // Rules and names are made for those that are meant to run.
      wanted: true,
      stoppedByUser: false,
    };
    mkdirSync(containerDir(host.paths, id), { mode: 0o710 });
    mkdirSync(join(containerRun(host.paths, id), 'rootfs'), { recursive: true, mode: 0o700 });
    await writeContainerRecord(host.paths, one);
    made(one);
    return one;
  });
  makeCgroupParents(host.paths, facts.cgroups, instance, [record]);
  if (record.endpoints.length > 0) await syncNetwork(host, [record]);
  return record;
}

/** hosts, hostname and resolv.conf, as at the start of a container. */
export async function writeFiles(host: Host, record: ContainerRecord): Promise<void> {
  const [{ names }, records] = await Promise.all([host.facts(), host.records()]);
  writeHostFiles(host.paths, record, records, { host: names, occasion: 'start' });
  for (const file of ['hosts', 'hostname', 'resolv.conf']) {
    const path = join(containerDir(host.paths, record.id), file);
    chownSync(path, 0, 0);
    chmodSync(path, 0o644);
  }
}

function containerOf(request: BuildRequest, name: string, network: string): DesiredContainer {
  const kind = network === 'none' || network === 'host' ? network : 'bridge';
  const on = network === 'default' ? defaultBridge.name : network;
  return {
    name,
    labels: { [OWNER_LABEL]: `${process.pid}-${startTimeOf(process.pid) ?? '0'}` },
    image: { ref: '', id: '' },
    argv: ['/bin/sh'],
    env: {},
    user: '',
    groupAdd: [],
    workingDir: '/',
    hostname: HOSTNAME,
    tty: false,
    stdinOpen: false,
    init: false,
    mounts: [],
    networkMode: { kind },
    attachments: kind === 'bridge' ? [{ network: on, aliases: [] }] : [],
    ports: [],
    links: [],
    extraHosts: request.extraHosts.map(extraHost),
    dns: { servers: [], search: [], options: [] },
    restart: { policy: 'no', maxRetries: 0 },
    stop: { signal: 'SIGKILL', graceMs: 0 },
    log: { driver: 'none', options: {} },
    ...(request.cgroupParent !== undefined && { cgroupParent: request.cgroupParent }),
    security: {
      privileged: false,
      capAdd: [],
      capDrop: [],
      noNewPrivileges: false,
      seccomp: 'default',
      readOnlyRootfs: false,
    },
    resources: { shmSizeBytes: request.shmSize ?? 64 * 2 ** 20 },
    sysctls: {},
    ulimits: request.ulimits,
  };
}

/** `name:address` or `name=address`, addresses of version 6 perhaps in brackets. */
function extraHost(text: string): DesiredContainer['extraHosts'][number] {
  const [, host, address] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  if (host === undefined || address === undefined)
    throw new TcomposeError(`${JSON.stringify(text)} is no host with its address`, {
      code: 'bad-extra-host',
      help: 'write it as NAME=ADDRESS',
    });
  return { host, address: address.replace(/^\[(.*)\]$/, '$1') };
}
