/** Every action of a plan → one call of the engine for all steps of that kind that are ready together. */
import type { BuildEvent, Built } from '../model/build.ts';
import type { BatchResult, Engine } from '../model/engine.ts';
import { TcomposeError } from '../model/errors.ts';
import type { ActionArgs, ActionKind } from '../model/plan.ts';
import type { PullProgress } from '../model/pull.ts';
import { build } from './build.ts';
import { prepare } from './prepare.ts';
import { pullWords } from './pull-words.ts';

/** Failures by the index of the action; what is not in it went well. */
export type Failures = ReadonlyMap<number, Error>;

/** How far the first of the actions is: in words, and where it can be counted in numbers. */
export type Tell = (text: string, current: number, total: number) => void;

/** What a call may use and say while it runs. */
export interface Hands {
  readonly signal: AbortSignal;
  /** What went well with less than was asked for. */
  readonly warn: (text: string) => void;
  /** What a program in a container said. */
  readonly print: (text: string) => void;
  readonly tell: Tell;
  readonly onLayer: (progress: PullProgress) => void;
  readonly onBuild: (event: BuildEvent) => void;
  readonly onBuilt: (built: Built) => void;
  /** Texts of secrets by digest. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
}

export interface Executor<K extends ActionKind> {
  /** Actions whose key is the same may share a call; absent: all may. `null`: none, each has its own. */
  readonly batch?: (action: ActionArgs[K]) => string | null;
  run(engine: Engine, actions: readonly ActionArgs[K][], hands: Hands): Promise<Failures>;
}

const NONE: Failures = new Map();
const alone = () => null;

/** A call without a word on each member goes well or ill as one. */
const all = async (call: Promise<unknown>): Promise<Failures> => {
  await call;
  return NONE;
};

async function each(
  names: readonly string[],
  call: Promise<BatchResult>,
  warn: (text: string) => void,
): Promise<Failures> {
  const { failed, warnings } = await call;
  for (const [name, texts] of warnings) for (const text of texts) warn(`container ${name}: ${text}`);
  const failures = new Map<number, Error>();
  for (const [index, name] of names.entries()) {
    const error = failed.get(name);
    if (error) failures.set(index, error);
  }
  return failures;
}

const avoided = (actions: readonly ActionArgs['container.update'][]) =>
  new Map(actions.flatMap(({ container, avoid }) => (avoid ? [[container.name, avoid] as const] : [])));

const containersOf = (actions: readonly { readonly container: string }[]): readonly string[] =>
  actions.map(({ container }) => container);

async function runHook(
  engine: Engine,
  { container, when, hook }: ActionArgs['container.hook'],
  print: (text: string) => void,
): Promise<void> {
  const result = await engine.containers.runHook(container, hook).catch((error: unknown) => {
    // It ended between the look and the stop: there is nothing left to prepare.
    if (when === 'preStop' && (error as { code?: string }).code === 'container-not-running') return undefined;
    throw error;
  });
  if (result === undefined) return;
  const { exitCode, output } = result;
  if (exitCode === 0) return print(output);
  const name = when === 'postStart' ? 'post_start' : 'pre_stop';
  throw new TcomposeError(`the ${name} hook of ${container} ended with ${exitCode}: ${hook.argv.join(' ')}`, {
    code: 'hook-failed',
    address: `container/${container}`,
    ...(output.trim() ? { help: `it said:\n${output.trimEnd()}` } : {}),
  });
}

/** A new kind of action does not compile until its row is here. */
export const EXECUTORS: { readonly [K in ActionKind]: Executor<K> } = {
  'network.create': { run: (engine, actions) => all(engine.networks.create(actions.map(({ network }) => network))) },
  'network.repair': { run: (engine, actions) => all(engine.networks.repair(actions.map(({ network }) => network))) },
  'network.remove': { run: (engine, actions) => all(engine.networks.remove(actions.map(({ network }) => network))) },
  'volume.create': { run: (engine, actions) => all(engine.volumes.create(actions.map(({ volume }) => volume))) },
  'volume.remove': {
    batch: ({ replacing }) => String(replacing === true),
    run: (engine, actions) =>
      all(
        engine.volumes.remove(
          actions.map(({ volume }) => volume),
          { force: true, replacing: actions[0]?.replacing === true },
        ),
      ),
  },
  'image.pull': {
    batch: alone,
    run: (engine, [action], { signal, tell, onLayer }) => {
      const { image, platform } = action!;
      const words = pullWords(tell);
      const onProgress = (progress: PullProgress) => {
        words(progress);
        onLayer(progress);
      };
      return all(engine.images.pull(image, { signal, onProgress, ...(platform === undefined ? {} : { platform }) }));
    },
  },
  'image.push': {
    batch: alone,
    run: (engine, [action], { signal, tell, onLayer }) => {
      const words = pullWords(tell);
      const onProgress = (progress: PullProgress) => {
        words(progress);
        onLayer(progress);
      };
      return all(engine.images.push(action!.image, { signal, onProgress }));
    },
  },
  'image.build': {
    batch: alone,
    run: (engine, [action], hands) => all(build(engine, action!, hands)),
  },
  'image.remove': {
    batch: alone,
    run: (engine, [action]) => all(engine.images.remove(action!.image, { force: false })),
  },
  'container.create': {
    run: (engine, actions, { warn }) =>
      each(
        actions.map(({ container }) => container.name),
        engine.containers.create(actions),
        warn,
      ),
  },
  'container.update': {
    run: (engine, actions, { warn }) => {
      const wanted = actions.map(({ container }) => container);
      return each(
        wanted.map(({ name }) => name),
        engine.containers.update(wanted, avoided(actions)),
        warn,
      );
    },
  },
  'container.prepare': {
    batch: alone,
    run: (engine, [action], hands) => all(prepare(engine, action!, hands.signal, hands)),
  },
  'container.start': {
    batch: ({ isRestart }) => String(isRestart === true),
    run: (engine, actions, { warn }) => {
      const options = actions[0]?.isRestart ? { isRestart: true } : {};
      return each(containersOf(actions), engine.containers.start(containersOf(actions), options), warn);
    },
  },
  'container.pause': {
    run: (engine, actions, { warn }) =>
      each(containersOf(actions), engine.containers.pause(containersOf(actions)), warn),
  },
  'container.unpause': {
    run: (engine, actions, { warn }) =>
      each(containersOf(actions), engine.containers.unpause(containersOf(actions)), warn),
  },
  'container.hook': {
    batch: alone,
    run: (engine, [action], { print }) => all(runHook(engine, action!, print)),
  },
  'container.repair': {
    run: (engine, actions, { warn }) =>
      each(containersOf(actions), engine.containers.repair(containersOf(actions)), warn),
  },
  'container.stop': {
    batch: ({ graceMs }) => String(graceMs),
    run: (engine, actions, { warn }) => {
      const graceMs = actions[0]?.graceMs;
      return each(
        containersOf(actions),
        engine.containers.stop(containersOf(actions), graceMs === undefined ? {} : { graceMs }),
        warn,
      );
    },
  },
  'container.kill': {
    batch: alone,
    run: (engine, [action]) => all(engine.containers.kill(action!.container, action!.signal)),
  },
  'container.remove': {
    batch: ({ anonymousVolumes }) => String(anonymousVolumes),
    run: (engine, actions, { warn }) => {
      const { anonymousVolumes } = actions[0]!;
      const names = containersOf(actions);
      return each(names, engine.containers.remove(names, { anonymousVolumes }), warn);
    },
  },
  'container.await': {
    batch: alone,
    run: (engine, [action], { signal }) => all(engine.containers.await(action!.container, action!.condition, signal)),
  },
};
