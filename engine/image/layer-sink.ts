/** Puts layers into the store: each one unpacked once, however many images and processes want it at the same time. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import { withFileLock } from '../state/file-lock.ts';
import type { Paths } from '../state/paths.ts';
import { removeTrees } from '../state/remove-trees.ts';
import type { ArchivedLayer } from './archive.ts';
import { isUsableLayer } from './layers.ts';
import { committedLayers, partialDir, readCatalogue, type Work } from './store.ts';
import { unpackLayer } from './unpack-layer.ts';

export interface LayerSink {
  readonly paths: Paths;
  readonly launcher: string;
  readonly work: Work;
  /** Numbers the folders of layers being unpacked. */
  readonly nextNumber: () => number;
  readonly onBytes?: (count: number) => void;
}

export const digestMismatch = (name: string, digest: string): TcomposeError =>
  new TcomposeError(`${name} does not have the digest that is expected of it, but ${digest}`, {
    code: 'digest-mismatch',
    help: 'get the image again: it was damaged or tampered with',
  });

/** What has to be true of a layer, where it is known before it is read. */
export interface ExpectedLayer {
  /** Of the bytes as they come. */
  readonly digest?: string | undefined;
  readonly diffId?: string | undefined;
}

const unpack = async (
  sink: LayerSink,
  source: AsyncIterable<Uint8Array>,
  name: string,
  expected: ExpectedLayer,
): Promise<ArchivedLayer> => {
  const folder = join(sink.work.folder, String(sink.nextNumber()));
  await mkdir(folder, { mode: 0o700 });
  const { digest, diffId, sizeBytes, tarBytes } = await unpackLayer(source, join(folder, 'fs'), {
    launcher: sink.launcher,
    what: `the layer ${name}`,
    ...(sink.onBytes && { onBytes: sink.onBytes }),
  });
  if (expected.digest !== undefined && digest !== expected.digest) throw digestMismatch(name, digest);
  if (expected.diffId !== undefined && diffId !== expected.diffId) throw digestMismatch(`the layer ${name}`, diffId);
  await sink.work.publishLayer({ folder, diffId, sizeBytes, tarBytes });
  await removeTrees([folder]); // still there when another process was first
  return { diffId, digest };
};

/**
 * The layer's stream is opened only if it has to be read. Whoever comes second waits for the first, and finds it done: known by its
 * diff id, a layer is unpacked once even by two processes. The work that `sink` belongs to keeps it from being swept.
 */
export const addLayer = async (
  sink: LayerSink,
  open: () => AsyncIterable<Uint8Array>,
  name: string,
  expected: ExpectedLayer,
): Promise<ArchivedLayer> => {
  const { diffId } = expected;
  if (diffId === undefined) return unpack(sink, open(), name, expected);
  const known: ArchivedLayer = { diffId, digest: expected.digest ?? diffId };
  const isThere = () => isUsableLayer(sink.paths, diffId, committedLayers(readCatalogue(sink.paths)));
  if (isThere()) return known;
  const lock = join(partialDir(sink.paths), `${diffId.slice('sha256:'.length)}.lock`);
  return withFileLock(lock, async () => {
    if (isThere()) return known;
    return unpack(sink, open(), name, expected);
  });
};
