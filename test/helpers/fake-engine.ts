/** An engine in memory that keeps the laws of src/model/engine.ts: for tests of apply and of the operations. */
import { Readable } from 'node:stream';
import type { BuildRequest } from '../../src/model/build.ts';
import type { DesiredContainer } from '../../src/model/desired.ts';
import type { BatchResult, ContainerChange, Engine, ImageInfo, LogLine } from '../../src/model/engine.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { LiveContainer, LiveNetwork, LiveState, LiveVolume } from '../../src/model/live.ts';
import { LABEL } from '../../src/plan/labels.ts';
import { emptyStore, pushOne } from './fake-images.ts';
import { ended, fakeImage, liveNetwork, liveVolume, MADE_AT, nothing, runningContainer } from './fake-live.ts';

export interface FakeEngine extends Engine {
  /** One line a call: `containers.start a, b`. */
  readonly calls: string[];
  readonly containersByName: Map<string, LiveContainer>;
  readonly lines: Map<string, readonly LogLine[]>;
  state(): LiveState;
}

export interface FakeOptions {
  readonly live?: LiveState;
  readonly images?: readonly (readonly [string, ImageInfo])[];
  /** What can be pulled; `built NAME`: what a build gives under that name. */
  readonly registry?: readonly (readonly [string, ImageInfo])[];
  /** `start shop-web-1` → what goes wrong with that member, or with the whole call for networks and volumes. */
  readonly failures?: Readonly<Record<string, Error>>;
  /** Filled with what is asked to be built. */
  readonly built?: BuildRequest[];
  /** Called before each call is carried out. */
  readonly during?: (call: string) => Promise<void> | void;
}

/** Lives as long as a test. */
export function createFakeEngine(options: FakeOptions = {}): FakeEngine {
  const { live = nothing, failures = {}, during } = options;
  const calls: string[] = [];
  const containers = new Map(live.containers.map((one) => [one.name, one]));
  const networks = new Map(live.networks.map((one) => [one.name, one]));
  const volumes = new Map(live.volumes.map((one) => [one.name, one]));
  const images = new Map(options.images ?? []);
  const registry = new Map(options.registry ?? []);
  const lines = new Map<string, readonly LogLine[]>();
  let holder: string | undefined;

  const call = async (name: string, members: readonly string[]) => {
    const text = [name, members.join(', ')].filter(Boolean).join(' ');
    calls.push(text);
    await new Promise((resolve) => setImmediate(resolve));
    await during?.(text);
  };
  const each = async (
    name: string,
    members: readonly string[],
    act: (member: string) => void,
  ): Promise<BatchResult> => {
    await call(`containers.${name}`, members);
    const failed = new Map<string, Error>();
    for (const member of members) {
      try {
        const failure = failures[`${name} ${member}`];
        if (failure) throw failure;
        act(member);
      } catch (error) {
        failed.set(member, error as Error);
      }
    }
    return { failed, warnings: new Map() };
  };
  const objects = async (name: string, members: readonly string[], act: (member: string) => void) => {
    await call(name, members);
    for (const member of members) if (failures[`${name} ${member}`]) throw failures[`${name} ${member}`];
    for (const member of members) act(member);
  };
  const update = (name: string, changes: Partial<LiveContainer>) => {
    const one = containers.get(name);
    if (!one) throw new TcomposeError(`no such container: ${name}`, { code: 'no-such-container' });
    containers.set(name, { ...one, ...changes });
  };
  const inUse = (uses: (one: LiveContainer) => boolean, onlyRunning: boolean) =>
    [...containers.values()].some((one) => uses(one) && (one.status === 'running' || !onlyRunning));

  return {
    calls,
    containersByName: containers,
    lines,
    state: () => ({
      networks: [...networks.values()],
      volumes: [...volumes.values()],
      containers: [...containers.values()],
    }),
    snapshot: async ({ project } = {}) => {
      const isOurs = (one: { readonly madeFrom: { readonly labels: Readonly<Record<string, string>> } }) =>
        project === undefined || one.madeFrom.labels[LABEL.project] === project;
      return {
        networks: [...networks.values()].filter(isOurs),
        volumes: [...volumes.values()].filter(isOurs),
        containers: [...containers.values()].filter(isOurs),
      };
    },
    lock: async (project, command) => {
      if (holder) throw new TcomposeError(`project ${project} is locked by ${holder}`, { code: 'project-locked' });
      holder = command;
      return {
        release: async () => {
          holder = undefined;
        },
      };
    },
    changedBy: async () => undefined,
    check: async () => [],
    provide: () => {},
    images: {
      find: async (ref) => images.get(ref),
      list: async () => [...images.values()],
      import: notPart,
      load: notPart,
      pull: async (ref) => {
        await call('images.pull', [ref]);
        const image = registry.get(ref);
        if (!image) throw new TcomposeError(`no ${ref}`, { code: 'image-not-found', address: `image/${ref}` });
        images.set(ref, image);
        return { image, digest: '', isNew: true };
      },
      save: notPart,
      files: notPart,
      ...emptyStore,
      push: (ref) => pushOne(call, images, ref),
      build: async (request) => {
        await call('images.build', request.tags);
        const [name = ''] = request.tags;
        const failure = failures[`build ${name}`];
        if (failure) throw failure;
        const image = registry.get(`built ${name}`) ?? { ...fakeImage(name), id: `sha256:built-${name}` };
        const isNew = images.get(name)?.id !== image.id;
        for (const tag of request.tags) images.set(tag, image);
        options.built?.push(request);
        return { image, isNew };
      },
      remove: async (ref) => {
        await call('images.remove', [ref]);
        images.delete(ref);
        return { untagged: [ref], deleted: [] };
      },
      tag: async () => undefined,
    },
    networks: {
      create: (wanted) =>
        objects(
          'networks.create',
          wanted.map(({ name }) => name),
          (name) => networks.set(name, liveNetwork(wanted.find((one) => one.name === name)!)),
        ),
      repair: (names) =>
        objects('networks.repair', names, (name) =>
          networks.set(name, { ...networks.get(name)!, damage: [] } as LiveNetwork),
        ),
      remove: (names) =>
        objects('networks.remove', names, (name) => {
          if (inUse((one) => one.madeFrom.attachments.some(({ network }) => network === name), true))
            throw new Error(`network ${name} is in use`);
          networks.delete(name);
        }),
      find: async (name) => networks.get(name),
      trace: async () => ({ meant: [], links: [] }),
    },
    volumes: {
      create: (wanted) =>
        objects(
          'volumes.create',
          wanted.map(({ name }) => name),
          (name) => volumes.set(name, liveVolume(wanted.find((one) => one.name === name)!) as LiveVolume),
        ),
      remove: (names, { replacing = false } = { force: false }) =>
        objects('volumes.remove', names, (name) => {
          if (inUse((one) => one.mounts.some(({ source }) => source === name), replacing))
            throw new Error(`volume ${name} is in use`);
          volumes.delete(name);
        }),
      find: async (name) => volumes.get(name),
      clone: async (from, to) => {
        await call('volumes.clone', [from, to.name]);
        volumes.set(to.name, liveVolume(to) as LiveVolume);
        return { bytes: 0, files: 0, sharesBlocks: false, running: [] };
      },
      export: async () => Readable.from([]),
      import: async (to) => {
        await call('volumes.import', [to.name]);
        volumes.set(to.name, liveVolume(to) as LiveVolume);
      },
      diff: async () => [],
      size: async () => 1000,
    },
    containers: {
      create: (wanted) =>
        each(
          'create',
          wanted.map(({ container }) => container.name),
          (name) => create(containers, networks, wanted.find((one) => one.container.name === name)!),
        ),
      update: (wanted) =>
        each(
          'update',
          wanted.map(({ name }) => name),
          (name) => updateOne(containers, networks, wanted.find((one) => one.name === name)!),
        ),
      start: (names) =>
        each('start', names, (name) =>
          update(name, { ...runningContainer(containers.get(name)!.madeFrom), status: 'running', wanted: true }),
        ),
      stop: (names) => each('stop', names, (name) => update(name, { ...ended(143), wanted: false })),
      kill: async (name, signal) => {
        await call('containers.kill', [`${name} ${signal}`]);
        update(name, { ...ended(137), wanted: false });
      },
      pause: (names) => each('pause', names, (name) => update(name, { status: 'paused' })),
      unpause: (names) => each('unpause', names, (name) => update(name, { status: 'running' })),
      repair: (names) => each('repair', names, (name) => update(name, { damage: [] })),
      remove: (names) => each('remove', names, (name) => containers.delete(name)),
      await: async (name, condition, signal) => {
        await call('containers.await', [`${name} ${condition}`]);
        const failure = failures[`await ${name}`];
        if (failure) throw failure;
        if (signal?.aborted) throw signal.reason;
        if (condition === 'completed') update(name, { ...ended(0), wanted: true });
      },
      find: async (name) => containers.get(name),
      watch: (name) => statusOf(containers, name),
      readLogs: (name) => from([lines.get(name) ?? []]),
      logs: (name) => from(lines.get(name) ?? []),
      exec: async (name, { argv }) => {
        await call('containers.exec', [`${name} ${argv.join(' ')}`]);
        return 7;
      },
      runHook: async (name, { argv }) => {
        const text = `${name} ${argv.join(' ')}`;
        await call('containers.runHook', [text]);
        return failures[`runHook ${text}`] ? { exitCode: 1, output: 'it failed\n' } : { exitCode: 0, output: '' };
      },
      capture: notPart,
      attach: notPart,
      stats: async () => undefined,
      processes: async () => [],
      events: () => from([]),
      copyFrom: notPart,
      copyTo: notPart,
      copyOut: notPart,
      copyIn: notPart,
      export: notPart,
      commit: notPart,
      size: async () => ({ writableBytes: 0, totalBytes: 0 }),
    },
    system: { doctor: async () => [], leftovers: async () => [], fix: async () => undefined },
    close: async () => undefined,
  };
}

const notPart = () => Promise.reject(new Error('not part of this double'));

type Wanted = { readonly container: DesiredContainer; readonly inheritsFrom?: string };

function create(
  containers: Map<string, LiveContainer>,
  networks: Map<string, LiveNetwork>,
  { container, inheritsFrom }: Wanted,
): void {
  const old = containers.get(container.name);
  if (old && inheritsFrom !== container.name) throw new Error(`the name ${container.name} is taken`);
  if (old?.status === 'running') throw new Error(`${container.name} runs`);
  for (const { network } of container.attachments) if (!networks.has(network)) throw new Error(`no network ${network}`);
  for (const mount of container.mounts) {
    if (mount.kind === 'from' && !containers.has(mount.container)) throw new Error(`no container ${mount.container}`);
  }
  containers.set(
    container.name,
    runningContainer(container, { status: 'created', pid: 0, createdAt: MADE_AT, wanted: false }),
  );
}

/** In place: the process it has stays the same one. */
function updateOne(
  containers: Map<string, LiveContainer>,
  networks: Map<string, LiveNetwork>,
  wanted: DesiredContainer,
): void {
  const old = containers.get(wanted.name);
  if (!old) throw new Error(`no container ${wanted.name}`);
  for (const { network } of wanted.attachments) if (!networks.has(network)) throw new Error(`no network ${network}`);
  const { endpoints, publishers } = runningContainer(wanted);
  const damage = old.damage.filter(({ kind }) => kind !== 'change');
  containers.set(wanted.name, { ...old, madeFrom: wanted, endpoints, publishers, damage });
}

async function* statusOf(containers: Map<string, LiveContainer>, name: string): AsyncGenerator<ContainerChange> {
  const one = containers.get(name);
  if (one) yield { status: one.status, health: one.health, exitCode: one.exitCode, restartCount: one.restartCount };
}

async function* from<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
