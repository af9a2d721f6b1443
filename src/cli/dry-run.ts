/** An engine whose reading is real and whose changing only says yes: what `--dry-run` applies a plan to. */
import type { BatchResult, Engine, ImageInfo } from '../model/engine.ts';
import { UNKNOWN_IMAGE } from '../model/images.ts';

const nothing = async (): Promise<void> => {};
const allWell = async (): Promise<BatchResult> => ({ failed: new Map(), warnings: new Map() });

export function dryEngine(engine: Engine): Engine {
  const brought = new Map<string, ImageInfo>();
  const { images, networks, volumes, containers } = engine;
  return {
    snapshot: (filter) => engine.snapshot(filter),
    provide: () => {},
    check: (wanted, leaving) => engine.check(wanted, leaving),
    changedBy: (project) => engine.changedBy(project),
    lock: async () => ({ release: nothing }),
    images: {
      find: async (ref) => (await images.find(ref)) ?? brought.get(ref),
      list: () => images.list(),
      import: refuse,
      load: refuse,
      pull: async (ref) => {
        brought.set(ref, { ...UNKNOWN_IMAGE, tags: [ref] });
        return { image: UNKNOWN_IMAGE, digest: '', isNew: true };
      },
      build: async ({ tags }) => {
        const image = { ...UNKNOWN_IMAGE, tags };
        for (const ref of tags) brought.set(ref, image);
        return { image, isNew: true };
      },
      save: (refs) => images.save(refs),
      files: (ref) => images.files(ref),
      push: async () => ({ digest: '', size: 0 }),
      remove: async () => ({ untagged: [], deleted: [] }),
      tag: nothing,
      usage: () => images.usage(),
      pruneCache: async () => ({ entries: 0, bytes: 0 }),
    },
    networks: {
      create: nothing,
      repair: nothing,
      remove: nothing,
      find: (name) => networks.find(name),
      trace: (request) => networks.trace(request),
    },
    volumes: {
      create: nothing,
      remove: nothing,
      find: (name) => volumes.find(name),
      clone: refuse,
      export: refuse,
      import: refuse,
      diff: (from, to) => volumes.diff(from, to),
      size: (name) => volumes.size(name),
    },
    containers: {
      create: allWell,
      update: allWell,
      start: allWell,
      stop: allWell,
      kill: nothing,
      pause: allWell,
      unpause: allWell,
      repair: allWell,
      remove: allWell,
      await: nothing,
      find: (name) => containers.find(name),
      watch: (name, signal) => containers.watch(name, signal),
      readLogs: (name, options, signal) => containers.readLogs(name, options, signal),
      logs: (name, options, signal) => containers.logs(name, options, signal),
      exec: refuse,
      runHook: async () => ({ exitCode: 0, output: '' }),
      capture: refuse,
      attach: refuse,
      stats: (name) => containers.stats(name),
      processes: (name) => containers.processes(name),
      events: (filter, signal) => containers.events(filter, signal),
      copyFrom: refuse,
      copyTo: refuse,
      copyOut: refuse,
      copyIn: refuse,
      export: refuse,
      commit: refuse,
      size: (name) => containers.size(name),
    },
    system: { doctor: () => engine.system.doctor(), leftovers: () => engine.system.leftovers(), fix: nothing },
    close: () => engine.close(),
  };
}

async function refuse(): Promise<never> {
  throw new Error('this is a bug in tcompose: a command that cannot be tried was given to the dry engine');
}
