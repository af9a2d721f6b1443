/** Builds an image: reads the Dockerfile, builds the stages that the target needs side by side, and puts the result into the store. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { BuildRequest, Built } from '../../../src/model/build.ts';
import type { ImageInfo } from '../../../src/model/engine.ts';
import type { Host } from '../../host.ts';
import { makeSlots } from '../../image/slots.ts';
import { beginWork, partialDir, type Work } from '../../image/store.ts';
import { endWork } from '../../image/sweep.ts';
import type { Paths } from '../../state/paths.ts';
import { startTimeOf } from '../../state/process.ts';
import { removeTrees } from '../../state/remove-trees.ts';
import type { CopyServices } from '../copy/contract.ts';
import { cachedSteps } from './cached-steps.ts';
import { open } from './contexts.ts';
import { interrupted } from './failures.ts';
import { finish } from './finish.ts';
import { readDockerfile } from './read-dockerfile.ts';
import type { Sandboxes } from './sandbox.ts';
import type { Solver } from './solver.ts';
import { buildTarget, makeStages, planStages } from './stages.ts';
import { makeSteps } from './steps.ts';

/** Nothing is left of a build that fails but what its finished steps put into the cache. */
export async function buildImage(host: Host, request: BuildRequest): Promise<Built> {
  const { paths } = host;
  const ending = new AbortController();
  const signal = request.signal ? AbortSignal.any([request.signal, ending.signal]) : ending.signal;
  const steps = makeSteps(request, signal);
  const scratch = lazyScratch(paths);
  const services = (sourceDateEpoch = request.sourceDateEpoch): CopyServices => ({
    host,
    get scratch() {
      return scratch.get();
    },
    secrets: request.secrets,
    ssh: request.ssh,
    signal,
    ...(sourceDateEpoch !== undefined && { sourceDateEpoch }),
  });
  let work: Promise<Work> | undefined;
  let made: Promise<Sandboxes> | undefined;
  const sandboxes = () => {
    made ??= import('./sandbox.ts').then(({ makeSandboxes }) => makeSandboxes(host, request));
    return made;
  };
  let closed: Promise<void> | undefined;
  const closeSandboxes = () => {
    closed ??= Promise.resolve(made).then((sandboxes) => sandboxes?.close());
    return closed;
  };
  let outcome: 'done' | 'failed' = 'failed';
  try {
    const path = 'path' in request.dockerfile ? request.dockerfile.path : undefined;
    const main = await steps.run('[internal] load build context', undefined, () =>
      open(services(), request.context, path),
    );
    const read = await readDockerfile(request, main, steps);
    const { dockerfile, globals, epoch } = read;
    const graph = planStages({ request, dockerfile, globals }, new Map(), steps);
    if (request.checkOnly) return { image: NO_IMAGE, isNew: false };
    const solver: Solver = {
      ...read,
      host,
      request,
      signal,
      steps,
      sandboxes,
      limit: makeSlots(Math.max(2, availableParallelism())),
      maker: {
        host,
        work: () => {
          work ??= beginWork(paths);
          return work;
        },
        ...(epoch !== undefined && { sourceDateEpoch: epoch }),
      },
      cache: cachedSteps(paths, epoch),
      copy: services(epoch),
      ...makeStages(() => solver, { request, dockerfile, globals }, { main, graph, ending }),
    };
    const target = await buildTarget(solver, graph);
    const [built] = await Promise.all([finish(solver, target), closeSandboxes()]);
    outcome = 'done';
    return built;
  } catch (error) {
    ending.abort();
    throw request.signal?.aborted ? interrupted() : error;
  } finally {
    await closeSandboxes();
    await scratch.remove();
    if (work !== undefined) await endWork(paths, await work, outcome);
  }
}

/** Of a check, which builds nothing. */
const NO_IMAGE: ImageInfo = {
  id: '',
  tags: [],
  createdAt: '',
  os: 'linux',
  architecture: '',
  config: { env: [], user: '', workingDir: '', volumes: [], exposedPorts: [], labels: {} },
  layers: [],
  sizeBytes: 0,
  raw: {},
};

/** A folder of unfinished work, by its name this process's: what a killed one leaves is swept with the store. */
function lazyScratch(paths: Paths): { get(): string; remove(): Promise<void> } {
  let folder: string | undefined;
  return {
    get() {
      if (folder === undefined) {
        const name = `${process.pid}-${startTimeOf(process.pid)}-${randomBytes(4).toString('hex')}`;
        folder = join(partialDir(paths), name);
        mkdirSync(folder, { recursive: true, mode: 0o700 });
      }
      return folder;
    },
    remove: async () => {
      if (folder !== undefined) await rmdir(folder).catch(() => removeTrees([folder!]));
    },
  };
}
