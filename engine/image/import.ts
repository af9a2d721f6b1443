/** A root filesystem's tar as an image of one layer. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Paths } from '../state/paths.ts';
import { applyChanges, type RunConfig } from './changes.ts';
import { hostArchitecture } from './platform.ts';
import { parseTag } from './reference.ts';
import { beginWork, commitImages, type Work, writeBlob } from './store.ts';
import { endWork } from './sweep.ts';
import { explainUnpacking, unpackLayer } from './unpack-layer.ts';

export interface ImportRequest {
  readonly paths: Paths;
  readonly launcher: string;
  readonly ref: string | undefined;
  readonly changes: readonly string[];
  readonly message?: string;
}

const addImage = async (
  source: AsyncIterable<Uint8Array>,
  request: ImportRequest,
  work: Work,
  named: { readonly config: RunConfig; readonly tags: readonly string[] },
): Promise<string> => {
  const folder = join(work.folder, 'layer');
  await mkdir(folder, { mode: 0o700 });
  const layer = await unpackLayer(source, join(folder, 'fs'), {
    launcher: request.launcher,
    what: 'the root filesystem',
  });
  // No digest vouches for what is imported: an archive cut off between two entries would look whole.
  if (!layer.isEndMarked) {
    throw new TcomposeError('the root filesystem is not a complete tar archive: its end is missing', {
      code: 'image-corrupt',
      help: 'get the file again, and compare its checksum',
    });
  }
  await work.publishLayer({ folder, ...layer });
  const created = new Date().toISOString();
  const comment = request.message ?? 'Imported from -';
  const id = await writeBlob(
    request.paths,
    Buffer.from(
      JSON.stringify({
        created,
        architecture: hostArchitecture(),
        os: 'linux',
        config: named.config,
        rootfs: { type: 'layers', diff_ids: [layer.diffId] },
        history: [{ created, comment }],
      }),
    ),
  );
  await commitImages(request.paths, [{ id, layers: [layer.diffId], manifests: [], tags: named.tags }]);
  return id;
};

/** The new image's id. */
export const importImage = async (source: AsyncIterable<Uint8Array>, request: ImportRequest): Promise<string> => {
  const tags = request.ref === undefined ? [] : [parseTag(request.ref)];
  const config = applyChanges(request.changes); // before anything is unpacked for nothing
  const work = await beginWork(request.paths);
  let outcome: 'done' | 'failed' = 'failed';
  try {
    const id = await addImage(source, request, work, { config, tags });
    outcome = 'done';
    return id;
  } catch (error) {
    throw explainUnpacking(error, 'the root filesystem');
  } finally {
    await endWork(request.paths, work, outcome);
  }
};
