/** ADD of a local archive: known by its content, unpacked as tar does it, as if the target were the root of everything. */
import { O_CLOEXEC, O_DIRECTORY, O_PATH } from '../../container/linux.ts';
import { ROOT } from '../../files/container-root.ts';
import { unpackTree } from '../../files/file-program.ts';
import { ByteReader } from '../../image/byte-reader.ts';
import { decompress } from '../../image/decompress.ts';
import { toFileRecord } from '../../image/layer-entry.ts';
import { isZeroBlock, parseTarHeader, TarError } from '../../image/tar-header.ts';
import { readTar } from '../../image/tar-reader.ts';
import { explainUnpacking } from '../../image/unpack-layer.ts';
import { type LaunchOp, UNPACK } from '../../launcher/ops.ts';
import type { CopyServices } from './contract.ts';
import type { Origin } from './origin.ts';
import { readFiles } from './reader.ts';
import { type Entry, textOf } from './tree.ts';

async function withData<T>(
  { host }: CopyServices,
  { origin, entry }: { origin: Origin; entry: Entry },
  use: (bytes: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  const records = await readFiles(host, origin.reach, [entry.path]);
  try {
    for await (const record of records) return await use(record.data());
    throw new Error('this is a bug in tcompose: no file came where one was asked for');
  } finally {
    await records.close();
  }
}

/** Whether it begins as a tar archive does, once it is decompressed. */
export async function isArchive(services: CopyServices, origin: Origin, entry: Entry): Promise<boolean> {
  if (entry.size < 20) return false;
  return withData(services, { origin, entry }, async (data) => {
    const outer = new ByteReader(data);
    try {
      const block = await new ByteReader((await decompress(outer)).bytes).exactly(512);
      if (block.length < 512 || isZeroBlock(block)) return false;
      parseTarHeader(block);
      return true;
    } catch (error) {
      if (error instanceof TarError || (error as { code?: unknown }).code === 'image-corrupt') return false;
      throw error;
    }
  });
}

export interface ArchiveRequest {
  readonly origin: Origin;
  readonly entry: Entry;
  /** They open the root as slot 0, and make the folder. */
  readonly ops: readonly LaunchOp[];
  /** Of the folder, relative to the root, raw bytes as latin1 text. */
  readonly base: string;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

export async function unpackArchive(services: CopyServices, request: ArchiveRequest): Promise<void> {
  const { ops, base, owner, entry } = request;
  const inside = `/${textOf(base)}`;
  const enter: LaunchOp = { op: 'open-in', slot: ROOT, root: ROOT, inside, flags: O_PATH | O_DIRECTORY | O_CLOEXEC };
  await withData(services, request, async (data) => {
    const { bytes } = await decompress(new ByteReader(data));
    const unpacker = await unpackTree(services.host, [...ops, enter], UNPACK.CROSS_MOUNTS);
    try {
      for await (const file of readTar(new ByteReader(bytes))) {
        services.signal.throwIfAborted();
        const record = toFileRecord(file);
        // The folder itself stays as it is.
        if (record.path === '') continue;
        await unpacker.put({ ...record, ...owner });
        if (record.stored > 0) for await (const part of file.data()) await unpacker.data(part);
        // As Docker's builders: of all names of a file the last one says what it is like.
        if (record.kind === 'h') await unpacker.put({ ...record, ...owner, kind: 'm', link: '' });
      }
      await unpacker.finish();
    } catch (error) {
      await unpacker.abort();
      throw explainUnpacking(error, `the archive ${textOf(entry.path)}`);
    }
  });
}
