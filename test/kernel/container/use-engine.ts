/** An engine of its own for one test file, opened as any program opens it, with a busybox; what is left of either is a failure. */
import { afterAll, afterEach, beforeAll } from 'vitest';
import { Engine as Library } from '../../../engine/library/index.ts';
import { succeed } from '../../../engine/library/succeed.ts';
import type { Engine } from '../../../src/model/engine.ts';
import { buildLauncher } from '../../helpers/build-probe.ts';
import { type Instance, makeInstance, nothingIsLeft, removeInstance } from '../../helpers/instance.ts';
import { busyboxTar } from '../../helpers/small-image.ts';

export interface Stage {
  readonly instance: Instance;
  /** For what programs are given. */
  readonly library: Library;
  /** The same in its own terms, for what they are not. */
  readonly engine: Engine;
  /** Id of the busybox; '' without one. */
  readonly image: string;
}

interface StageOptions {
  /** Containers and networks are there for all tests of the file; else each test's are removed after it. */
  readonly keeps?: true;
  readonly withoutImage?: true;
  /** Why the file's tests cannot run here: then nothing is made. */
  readonly missing?: string | undefined;
}

/** The returned object is filled in by the time that tests, and hooks of the file that come after this call, run. */
export function useEngine({ keeps, withoutImage, missing }: StageOptions = {}): Stage {
  const stage = {} as { -readonly [K in keyof Stage]: Stage[K] };
  if (missing !== undefined) return stage;
  beforeAll(async () => Object.assign(stage, await openStage(await makeInstance(), withoutImage)));
  if (!keeps) afterEach(() => removeAll(stage.engine));
  afterAll(async () => {
    // It could not be made; the reason is already told.
    if (stage.instance) await closeStage(stage);
  });
  return stage;
}

export async function openStage(instance: Instance, withoutImage = false): Promise<Stage> {
  const library = await Library.open({ root: instance.root, run: instance.run, launcher: buildLauncher() });
  const image = withoutImage ? '' : await library.images.import(await busyboxTar(), 'busybox');
  return { instance, library, engine: library.port, image };
}

export async function closeStage({ instance, library, engine }: Stage): Promise<void> {
  try {
    await removeAll(engine);
    await library.close();
    await nothingIsLeft(instance);
  } finally {
    await removeInstance(instance);
  }
}

export async function removeAll(engine: Engine): Promise<void> {
  const { containers, networks } = await engine.snapshot({ networkDamage: false });
  const names = (all: readonly { readonly name: string }[]) => all.map(({ name }) => name);
  succeed(await engine.containers.remove(names(containers), { anonymousVolumes: true }));
  if (networks.length > 0) await engine.networks.remove(names(networks));
}
