/** The engine's only door. Everything behind it is loaded when it is first used: looking at containers loads no way to make them. */
import type { BatchResult, Engine } from '../src/model/engine.ts';
import type { LiveNetwork } from '../src/model/live.ts';
import { type EngineOptions, type Host, openHost } from './host.ts';
import { findRecord, readContainerRecords } from './state/container-records.ts';
import { containerRun } from './state/paths.ts';

export type { EngineOptions } from './host.ts';

export function createEngine(options: EngineOptions): Engine {
  const host = openHost(options);
  return {
    snapshot: async (filter) => (await import('./state/snapshot.ts')).readSnapshot(host, filter),
    changedBy: async (project) => (await import('./state/lock.ts')).commandOfOther(host.paths, project),
    lock: async (project, command) => {
      await host.instance();
      return (await import('./state/lock.ts')).lockProject(host.paths, project, command, await host.session());
    },
    check: async (wanted, leaving) => (await import('./system/check.ts')).checkWanted(host, wanted, leaving),
    provide: (contents) => {
      for (const [digest, bytes] of contents) host.contents.set(digest, bytes);
    },
    images: imagesOf(host),
    networks: networksOf(host),
    volumes: volumesOf(host),
    containers: containersOf(host),
    system: {
      doctor: async () => (await import('./system/doctor.ts')).examine(host),
      leftovers: async () => (await import('./system/leftovers.ts')).findLeftovers(host),
      fix: async (leftovers) => (await import('./system/fix.ts')).removeLeftovers(host, leftovers),
    },
    close: () => host.close(),
  };
}

const imagesOf = (host: Host): Engine['images'] => ({
  find: async (ref) => (await host.images()).find(ref),
  list: async () => (await host.images()).list(),
  import: async (source, ref, options) => {
    await host.instance();
    return (await host.images()).import(source, ref, options);
  },
  load: async (source, options) => {
    await host.instance();
    return (await host.images()).load(source, options);
  },
  pull: async (ref, options) => {
    await host.instance();
    return (await host.images()).pull(ref, options);
  },
  save: async (refs) => (await host.images()).save(refs),
  files: async (ref, folder) => {
    const { imageFolder, imageTar } = await import('./build/solve/image-files.ts');
    return folder === undefined ? imageTar(host, ref) : void (await imageFolder(host, ref, folder));
  },
  push: async (ref, options) => (await host.images()).push(ref, options),
  build: async (request) => {
    await host.instance();
    return (await import('./build/solve/index.ts')).buildImage(host, request);
  },
  remove: async (ref, options) => (await host.images()).remove(ref, options),
  tag: async (ref, as) => (await host.images()).tag(ref, as),
  usage: async () => (await host.images()).usage(),
  pruneCache: async (options) => (await host.images()).pruneCache(options),
});

const networksOf = (host: Host): Engine['networks'] => {
  const room = () => import('./network/index.ts');
  return {
    create: async (networks) => {
      await (await room()).createNetworks(await host.networkContext(), networks);
    },
    repair: async (names) => {
      await (await room()).repairNetworks(await host.networkContext(), names);
      await (await import('./dns/index.ts')).syncNames(await host.dnsContext(), new Set(names));
    },
    remove: async (names) => {
      const [{ containers }, { isRunning }] = await Promise.all([host.records(), import('./container/runtime.ts')]);
      const running = containers.filter((record) => isRunning(host.paths, record));
      await (await room()).removeNetworks(await host.networkContext(), names, running);
    },
    find: async (name): Promise<LiveNetwork | undefined> => {
      const { networks } = await host.records();
      const known = networks.filter(({ id }) => /^[0-9a-f]{4,}$/.test(name) && id.startsWith(name));
      const record = networks.find((network) => network.name === name) ?? (known.length === 1 ? known[0] : undefined);
      return record && (await import('./state/snapshot.ts')).liveNetwork(record, []);
    },
    trace: async (request) => (await import('./network/trace.ts')).trace(host, request),
  };
};

const volumesOf = (host: Host): Engine['volumes'] => ({
  create: async (volumes) => {
    await host.instance();
    return (await host.volumes()).create(volumes);
  },
  remove: async (names, options) => (await host.volumes()).remove(names, options),
  find: async (name) => (await host.volumes()).find(name),
  clone: async (from, to, options) => (await import('./volume/clone.ts')).cloneVolume(host, from, to, options),
  export: async (name) => (await import('./volume/archive.ts')).exportVolume(host, name),
  import: async (to, tar, onProgress) => (await import('./volume/archive.ts')).importVolume(host, to, tar, onProgress),
  diff: async (from, to) => (await import('./volume/diff.ts')).diffVolumes(host, from, to),
  size: async (name) => (await import('./volume/clone.ts')).sizeOf(host, name),
});

const containersOf = (host: Host): Engine['containers'] => {
  const batch = async (work: Promise<ReadonlyMap<string, Error>>): Promise<BatchResult> => ({
    failed: await work,
    warnings: new Map(),
  });
  const find = (name: string) => findRecord(readContainerRecords(host.paths), name);
  return {
    create: async (wanted) => batch((await import('./container/create.ts')).createContainers(host, wanted)),
    update: async (wanted, avoid) =>
      (await import('./container/update/update.ts')).updateContainers(host, wanted, avoid),
    start: async (names, options) => {
      const result = await (await import('./container/start.ts')).startContainers(host, names, options);
      if (!options?.isRestart) return result;
      const { traceRestart } = await import('./events/trace.ts');
      const records = readContainerRecords(host.paths).filter(({ name }) => names.includes(name));
      for (const { id, name } of records) if (!result.failed.has(name)) traceRestart(containerRun(host.paths, id));
      return result;
    },
    stop: async (names, options) => batch((await import('./container/stop.ts')).stopContainers(host, names, options)),
    kill: async (name, signal) => (await import('./container/stop.ts')).killContainer(host, name, signal),
    pause: async (names) => batch((await import('./container/pause.ts')).pauseContainers(host, names)),
    unpause: async (names) => batch((await import('./container/pause.ts')).unpauseContainers(host, names)),
    repair: async (names) => batch((await import('./container/repair.ts')).repairContainers(host, names)),
    remove: async (names, options) =>
      batch((await import('./container/remove.ts')).removeContainers(host, names, options)),
    await: async (name, condition, signal) =>
      (await import('./container/await.ts')).awaitContainer(host, name, condition, signal),
    find: async (name) => {
      const record = find(name);
      return record === undefined
        ? undefined
        : (await import('./container/runtime.ts')).liveContainer(host.paths, record);
    },
    async *watch(name, signal) {
      yield* (await import('./container/await.ts')).watchContainer(host, name, signal);
    },
    async *readLogs(name, options, signal) {
      yield* (await import('./container/logs.ts')).containerLogBatches(host, name, options, signal);
    },
    async *logs(name, options, signal) {
      yield* (await import('./container/logs.ts')).containerLogs(host, name, options, signal);
    },
    exec: async (name, request) => (await import('./container/exec/exec.ts')).execInContainer(host, name, request),
    runHook: async (name, hook) => (await import('./container/exec/hook.ts')).runHook(host, name, hook),
    capture: async (name, run) => (await import('./container/exec/exec-captured.ts')).captureExec(host, name, run),
    attach: async (name, request) => (await import('./container/exec/attach.ts')).joinStreams(host, name, request),
    stats: async (name) => (await import('./container/resources/stats.ts')).containerStats(host, name),
    processes: async (name) => (await import('./container/processes.ts')).containerProcesses(host, name),
    async *events(filter, signal) {
      yield* (await import('./events/index.ts')).engineEvents(host, filter, signal);
    },
    copyFrom: async (name, path, options) => (await import('./files/copy.ts')).copyFrom(host, name, path, options),
    copyTo: async (name, path, tar, options) =>
      (await import('./files/copy.ts')).copyTo(host, name, path, tar, options),
    copyOut: async (name, request) => (await import('./files/copy.ts')).copyOut(host, name, request),
    copyIn: async (name, request) => (await import('./files/copy.ts')).copyIn(host, name, request),
    export: async (name) => (await import('./files/export.ts')).exportContainer(host, name),
    commit: async (name, options) => (await import('./files/commit.ts')).commitContainer(host, name, options),
    size: async (name) => (await import('./files/size.ts')).containerSize(host, name),
  };
};
