/** An image made of another one and a layer on top of it: what `commit` gives. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredContainer } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Paths } from '../state/paths.ts';
import { applyChanges, type RunConfig } from './changes.ts';
import { isObject } from './image-config.ts';
import { parseTag } from './reference.ts';
import { beginWork, commitImages, readBlob, readCatalogue, writeBlob } from './store.ts';
import { endWork } from './sweep.ts';
import { unpackLayer } from './unpack-layer.ts';

export interface CommitRequest {
  readonly paths: Paths;
  readonly launcher: string;
  /** Its id, for the history. */
  readonly container: string;
  readonly madeFrom: DesiredContainer;
  readonly ref?: string;
  readonly changes: readonly string[];
  readonly message?: string;
  readonly author?: string;
}

/** The new image's id. The layer is read once the request is known to be sound. */
export async function commitLayer(layer: AsyncIterable<Uint8Array>, request: CommitRequest): Promise<string> {
  const { paths, launcher, madeFrom } = request;
  const tags = request.ref === undefined ? [] : [parseTag(request.ref)];
  const base: Record<string, unknown> = JSON.parse((await readBlob(paths, madeFrom.image.id)).toString('utf8'));
  const below = readCatalogue(paths).images[madeFrom.image.id]?.layers;
  if (below === undefined)
    throw new TcomposeError(`the image of the container is gone: ${madeFrom.image.ref}`, { code: 'image-missing' });
  const config = applyChanges(request.changes, runConfigOf(base, madeFrom));
  const work = await beginWork(paths);
  let outcome: 'done' | 'failed' = 'failed';
  try {
    const folder = join(work.folder, 'layer');
    await mkdir(folder, { mode: 0o700 });
    const made = await unpackLayer(layer, join(folder, 'fs'), { launcher, what: 'the layer of the container' });
    await work.publishLayer({ folder, ...made });
    const layers = [...below, made.diffId];
    const id = await writeBlob(paths, Buffer.from(JSON.stringify(configOf(base, config, layers, request))));
    await commitImages(paths, [{ id, layers, manifests: [], tags }]);
    outcome = 'done';
    return id;
  } finally {
    await endWork(paths, work, outcome);
  }
}

function configOf(
  { created: _, config: __, rootfs: ___, history, author: before, ...base }: Record<string, unknown>,
  config: RunConfig,
  layers: readonly string[],
  { author, message, container, madeFrom }: CommitRequest,
): object {
  const created = new Date().toISOString();
  const by = author ?? (typeof before === 'string' ? before : undefined);
  const step = {
    created,
    created_by: madeFrom.argv.join(' '),
    ...(author === undefined ? {} : { author }),
    ...(message === undefined ? {} : { comment: message }),
  };
  return {
    ...base,
    created,
    ...(by === undefined ? {} : { author: by }),
    container,
    config,
    rootfs: { type: 'layers', diff_ids: layers },
    history: [...(Array.isArray(history) ? history : []), step],
  };
}

/** As Docker commits: what the container was made with, over what its image says. Compose's own labels are the container's. */
function runConfigOf(base: Record<string, unknown>, container: DesiredContainer): RunConfig {
  const image = (isObject(base['config']) ? base['config'] : {}) as RunConfig;
  const entrypoint = image.Entrypoint ?? [];
  const hasEntrypoint = entrypoint.length > 0 && entrypoint.every((word, index) => container.argv[index] === word);
  return {
    ...image,
    Env: Object.entries(container.env).map(([key, value]) => `${key}=${value}`),
    Entrypoint: hasEntrypoint ? [...entrypoint] : [],
    Cmd: [...(hasEntrypoint ? container.argv.slice(entrypoint.length) : container.argv)],
    User: container.user,
    WorkingDir: container.workingDir,
    Labels: { ...container.labels },
    ...(container.stop.signal === 'SIGTERM' ? {} : { StopSignal: container.stop.signal }),
    ...healthOf(image, container),
  };
}

function healthOf(image: RunConfig, { healthcheck }: DesiredContainer): Pick<RunConfig, 'Healthcheck'> {
  if (healthcheck === undefined) return image.Healthcheck === undefined ? {} : { Healthcheck: { Test: ['NONE'] } };
  const nanoseconds = (ms: number) => ms * 1_000_000;
  return {
    Healthcheck: {
      Test: ['CMD', ...healthcheck.test],
      Interval: nanoseconds(healthcheck.intervalMs),
      Timeout: nanoseconds(healthcheck.timeoutMs),
      StartPeriod: nanoseconds(healthcheck.startPeriodMs),
      StartInterval: nanoseconds(healthcheck.startIntervalMs),
      Retries: healthcheck.retries,
    },
  };
}
