/** The writable layer of a container as one more layer on those of its image, which are shared. */
import { join } from 'node:path';
import type { CommitOptions, ImageInfo } from '../../src/model/engine.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { readRuntime } from '../container/runtime.ts';
import type { Host } from '../host.ts';
import { commitLayer } from '../image/commit.ts';
import { NOTHING } from '../launcher/unpack.ts';
import { containerDir } from '../state/paths.ts';
import type { ContainerRecord } from '../state/records.ts';
import { recordOf } from './container-root.ts';
import { packTree } from './file-program.ts';
import { hostReach } from './host-side.ts';
import type { PackedFile, RecordStream } from './record-stream.ts';
import { writeTar } from './tar-writer.ts';

export async function commitContainer(host: Host, name: string, options: CommitOptions): Promise<ImageInfo> {
  const record = recordOf(host, name);
  const layer = async function* () {
    const upper = join(containerDir(host.paths, record.id), 'upper');
    const files = await packTree(host, hostReach(upper), '/');
    yield* writeTar(asLayer(files), { sparse: true });
  };
  return whilePaused(host, record, options.pause, async () => {
    const { paths, launcher } = host;
    const { madeFrom } = record;
    const id = await commitLayer(layer(), { paths, launcher, container: record.id, madeFrom, ...options });
    const image = await (await host.images()).find(id);
    if (image === undefined) throw new TcomposeError(`the image ${id} was removed again`, { code: 'no-such-image' });
    return image;
  });
}

/** Files that are written meanwhile would be half there. What is paused already stays so. */
async function whilePaused<T>(host: Host, record: ContainerRecord, pause: boolean, work: () => Promise<T>): Promise<T> {
  if (!pause || readRuntime(host.paths, record).status !== 'running') return work();
  const { pauseContainers, unpauseContainers } = await import('../container/pause.ts');
  const failed = await pauseContainers(host, [record.name]);
  for (const error of failed.values()) throw error;
  try {
    return await work();
  } finally {
    await unpauseContainers(host, [record.name]);
  }
}

const OPAQUE = 'trusted.overlay.opaque';
const isWhiteout = ({ kind, major, minor }: PackedFile): boolean => kind === 'c' && major === 0 && minor === 0;

/** Overlay's marks in the form of an image layer (OCI image-spec, layer.md): `.wh.NAME` for what is gone, `.wh..wh..opq` in what hides. */
async function* asLayer(files: RecordStream): AsyncGenerator<PackedFile> {
  for await (const file of files) {
    if (file.path === '') continue;
    const slash = file.path.lastIndexOf('/') + 1;
    if (isWhiteout(file)) {
      yield mark(file, `${file.path.slice(0, slash)}.wh.${file.path.slice(slash)}`);
      continue;
    }
    yield { ...file, xattrs: file.xattrs.filter(([name]) => !/^(?:trusted|user)\.overlay\./.test(name)) };
    if (file.kind === 'd' && file.xattrs.some(([name, value]) => name === OPAQUE && value.toString() === 'y'))
      yield mark(file, `${file.path}/.wh..wh..opq`);
  }
}

const mark = (file: PackedFile, path: string): PackedFile => ({
  ...NOTHING,
  mtime: file.mtime,
  kind: 'f',
  path,
  // Nothing follows.
  async *data() {},
});
