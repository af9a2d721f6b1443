/** A volume as a tar stream, and a tar stream as a volume. */
import { Readable } from 'node:stream';
import type { DesiredVolume } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { packTree, unpackTree } from '../files/file-program.ts';
import { hostReach } from '../files/host-side.ts';
import type { PackedFile, RecordStream } from '../files/record-stream.ts';
import { writeTar } from '../files/tar-writer.ts';
import type { Host } from '../host.ts';
import { ByteReader } from '../image/byte-reader.ts';
import { decompress } from '../image/decompress.ts';
import { toFileRecord } from '../image/layer-entry.ts';
import { readTar } from '../image/tar-reader.ts';
import { explainUnpacking } from '../image/unpack-layer.ts';
import { UNPACK } from '../launcher/ops.ts';
import { attached, syncAll } from './clone.ts';
import { checkTarget, publish, type Staging, withStaging } from './staging.ts';

/** Names begin with `./`, as `tar -C VOLUME -c .` has them; that of the volume itself keeps its owner and mode. Holes are kept. */
export async function exportVolume(host: Host, name: string): Promise<NodeJS.ReadableStream> {
  await host.instance();
  const { data, release } = await attached(host, name);
  async function* tar() {
    try {
      yield* writeTar(inFolder(await packTree(host, hostReach(data), '/')), { sparse: true });
    } finally {
      await release();
    }
  }
  return Readable.from(tar(), { objectMode: false });
}

async function* inFolder(files: RecordStream): AsyncGenerator<PackedFile> {
  for await (const file of files)
    yield {
      ...file,
      path: file.path === '' ? './' : `./${file.path}`,
      link: file.kind === 'h' ? `./${file.link}` : file.link,
    };
}

/** Of an archive from anywhere only these are taken: security labels of another host mean nothing here. */
const ATTRIBUTES = /^(?:security\.capability|system\.posix_acl_(?:access|default)|user\.)/;

/** The archive may come from anybody: it is unpacked beneath the new folder by descriptors, and shows itself when it is whole. */
export async function importVolume(
  host: Host,
  wanted: DesiredVolume,
  tar: NodeJS.ReadableStream,
  onProgress?: (bytes: number) => void,
): Promise<void> {
  await host.instance();
  await checkTarget(host.paths, wanted.name);
  await withStaging(host.paths, async (staging) => {
    await unpack(host, wanted.name, staging, tar, onProgress);
    await syncAll(staging);
    await publish(host, staging, wanted);
  });
}

async function* counted(source: AsyncIterable<Uint8Array>, tell?: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.byteLength;
    tell?.(bytes);
    yield chunk;
  }
}

async function unpack(
  host: Host,
  name: string,
  { data }: Staging,
  tar: NodeJS.ReadableStream,
  onProgress?: (bytes: number) => void,
): Promise<void> {
  const outer = new ByteReader(counted(tar as unknown as AsyncIterable<Uint8Array>, onProgress));
  const { bytes } = await decompress(outer);
  const unpacker = await unpackTree(host, hostReach(data), UNPACK.KEEP_KINDS);
  try {
    const entries = readTar(new ByteReader(bytes));
    for (;;) {
      const next = await entries.next();
      if (next.done === true) {
        if (!next.value) throw incomplete();
        break;
      }
      const file = toFileRecord(next.value);
      await unpacker.put({ ...file, xattrs: file.xattrs.filter(([name]) => ATTRIBUTES.test(name)) });
      if (file.stored > 0) for await (const part of next.value.data()) await unpacker.data(part);
    }
    await unpacker.finish();
  } catch (error) {
    await unpacker.abort();
    await outer.close().catch(() => undefined);
    throw explained(error, name);
  }
}

function explained(error: unknown, volume: string): unknown {
  const told = explainUnpacking(error, 'the archive');
  if (!(told instanceof TcomposeError) || told.code !== 'disk-full') return told;
  return new TcomposeError(`no space left on the disk for volume ${volume}`, {
    code: 'disk-full',
    address: `volume/${volume}`,
    help: 'make room (tcompose volume prune, df -h), then run it again: nothing of it was kept',
    cause: error,
  });
}

const incomplete = (): TcomposeError =>
  new TcomposeError('the archive is not complete: its end is missing', {
    code: 'archive-corrupt',
    help: 'get the file again, and compare its checksum: nothing of it was kept',
  });
