/** Files in and out of a container, as tar streams or straight between it and the host. */
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Host } from '../host.ts';
import { ByteReader } from '../image/byte-reader.ts';
import { decompress } from '../image/decompress.ts';
import { toFileRecord } from '../image/layer-entry.ts';
import { readTar } from '../image/tar-reader.ts';
import { explainUnpacking } from '../image/unpack-layer.ts';
import { type LaunchOp, UNPACK } from '../launcher/ops.ts';
import type { Unpacker, UnpackRecord } from '../launcher/unpack.ts';
import type { ContainerRecord } from '../state/records.ts';
import { containerRoot, recordOf } from './container-root.ts';
import { type CopyPlan, placed, planCopy, saysContents, saysFolder, sourceName } from './copy-plan.ts';
import { explainWrite } from './explain.ts';
import { packTree, unpackTree } from './file-program.ts';
import { hostReach, hostSource, hostTarget } from './host-side.ts';
import { type Followed, follow, look } from './look.ts';
import { ownerOf } from './owner.ts';
import type { PackedFile, RecordStream } from './record-stream.ts';
import { writeTar } from './tar-writer.ts';

interface Source {
  readonly record: ContainerRecord;
  readonly reach: readonly LaunchOp[];
  readonly isFolder: boolean;
  readonly name: string;
  /** For `pack`. */
  readonly inside: string;
}

async function containerSource(host: Host, name: string, path: string, followLink: boolean): Promise<Source> {
  const record = recordOf(host, name);
  const reach = await containerRoot(host, record, { writes: false });
  const found: Followed = followLink ? await follow(host, reach, path) : { ...(await look(host, reach, path)), path };
  if (found.kind === 'missing') throw noSuchFile(path, name);
  const clean = posix.resolve('/', found.path);
  // A link keeps its own name when what it leads to is copied.
  const called = sourceName(path);
  const inside = saysFolder(found.path) || clean === '/' ? `${clean}/.` : clean;
  return { record, reach, isFolder: found.kind === 'folder', name: called, inside };
}

const noSuchFile = (path: string, container: string): TcomposeError =>
  new TcomposeError(`could not find the file ${path} in container ${container}`, {
    code: 'no-such-file',
    address: `container/${container}`,
  });

async function* renamed(files: RecordStream, top: string): AsyncGenerator<PackedFile> {
  for await (const file of files) {
    const link = file.kind === 'h' ? placed(file.link, top) : file.link;
    yield { ...file, path: placed(file.path, top), link };
  }
}

const latin1 = (text: string): string => Buffer.from(text).toString('latin1');

export async function copyFrom(
  host: Host,
  name: string,
  path: string,
  { followLink }: { readonly followLink: boolean },
): Promise<NodeJS.ReadableStream> {
  const source = await containerSource(host, name, path, followLink);
  const files = await packTree(host, source.reach, source.inside);
  // In an archive what a link led to has its own name, on the host the link's: both as with Docker.
  const called = followLink && source.name !== '' ? sourceName(source.inside.replace(/\/\.$/, '')) : source.name;
  const top = called === '' ? (saysContents(path) ? '.' : '/') : latin1(called);
  return Readable.from(writeTar(renamed(files, top), { sparse: false }), { objectMode: false });
}

/** From a container to the host, as `docker cp`: all that is made belongs to who copies. */
export async function copyOut(
  host: Host,
  name: string,
  { from, to, followLink }: { readonly from: string; readonly to: string; readonly followLink: boolean },
): Promise<void> {
  const source = await containerSource(host, name, from, followLink);
  const plan = planCopy(source, hostTarget(to));
  const files = await packTree(host, source.reach, source.inside);
  const unpacker = await unpackTree(
    host,
    hostReach(plan.folder),
    UNPACK.KEEP_KINDS | UNPACK.CALLER_OWNS | UNPACK.CROSS_MOUNTS,
  );
  const count = await transfer(files, unpacker, { top: latin1(plan.name), where: plan.folder, base: '' });
  if (count === 0 && !source.isFolder) throw noSuchFile(from, name);
}

/** From the host into a container. Ids are kept; without `keepIds` all belongs to the user that the container runs as. */
export async function copyIn(
  host: Host,
  name: string,
  options: { readonly from: string; readonly to: string; readonly followLink: boolean; readonly keepIds: boolean },
): Promise<void> {
  const record = recordOf(host, name);
  const reach = await containerRoot(host, record, { writes: true });
  const { path, kind } = await follow(host, reach, options.to);
  const source = hostSource(options.from, options.followLink);
  const plan = planCopy(source, { path, kind: kind === 'folder' || kind === 'missing' ? kind : 'other' });
  const folder = await realFolder(host, reach, name, plan);
  const owner = options.keepIds ? undefined : await ownerOf(host, record);
  const files = await packTree(host, hostReach('/'), source.inside);
  const unpacker = await unpackTree(host, reach, UNPACK.KEEP_KINDS | UNPACK.CROSS_MOUNTS);
  const place = { top: latin1(plan.name), base: latin1(folder.slice(1)), where: `${name}:${plan.folder}` };
  await transfer(files, unpacker, { ...place, ...(owner === undefined ? {} : { owner }) });
}

/** Where it is once all links are followed: what is made there goes there, or nowhere. */
async function realFolder(host: Host, reach: readonly LaunchOp[], name: string, { folder }: CopyPlan): Promise<string> {
  const found = await look(host, reach, `${posix.resolve('/', folder)}/.`);
  if (found.kind === 'folder') return found.parent;
  const isFile = (await look(host, reach, posix.resolve('/', folder))).kind !== 'missing';
  if (!isFile) throw noSuchFile(folder, name);
  throw new TcomposeError(`not a directory: ${folder} in container ${name}`, { code: 'bad-copy' });
}

interface Place {
  /** What the source is called; '' for its members. */
  readonly top: string;
  /** Path beneath the root that the unpacker has, '' for that itself. */
  readonly base: string;
  /** For messages. */
  readonly where: string;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

const ATTRIBUTES = /^(?:security\.capability|user\.)/;

function inPlace(file: UnpackRecord, { top, base, owner }: Place): UnpackRecord {
  return {
    ...file,
    path: placed(placed(file.path, top), base),
    link: file.kind === 'h' ? placed(placed(file.link, top), base) : file.link,
    xattrs: file.xattrs.filter(([name]) => ATTRIBUTES.test(name)),
    ...owner,
  };
}

/** How many files there were: none where the source went after it had been looked at. */
export async function transfer(files: RecordStream, unpacker: Unpacker, place: Place): Promise<number> {
  let count = 0;
  try {
    for await (const file of files) {
      count++;
      // The folder that is there stays as it is: only its members are copied.
      if (file.path === '' && place.top === '') continue;
      await unpacker.put(inPlace(file, place));
      for await (const part of file.data()) await unpacker.data(part);
    }
    await unpacker.finish();
    return count;
  } catch (error) {
    await unpacker.abort();
    throw explainWrite(error, place.where);
  } finally {
    await files.close();
  }
}

export async function copyTo(
  host: Host,
  name: string,
  path: string,
  tar: NodeJS.ReadableStream,
  { keepIds }: { readonly keepIds: boolean },
): Promise<void> {
  const record = recordOf(host, name);
  const reach = await containerRoot(host, record, { writes: true });
  const target = await follow(host, reach, path);
  if (target.kind !== 'folder')
    throw new TcomposeError(`destination "${name}:${path}" must be a directory`, { code: 'bad-copy' });
  const folder = await realFolder(host, reach, name, { folder: target.path, name: '' });
  const owner = keepIds ? undefined : await ownerOf(host, record);
  const place: Place = { top: '', base: latin1(folder.slice(1)), where: `${name}:${path}`, ...(owner && { owner }) };
  const outer = new ByteReader(tar as unknown as AsyncIterable<Uint8Array>);
  const { bytes } = await decompress(outer);
  const unpacker = await unpackTree(host, reach, UNPACK.KEEP_KINDS | UNPACK.CROSS_MOUNTS);
  try {
    for await (const entry of readTar(new ByteReader(bytes))) {
      const file = toFileRecord(entry);
      if (file.path === '') continue;
      await unpacker.put(inPlace(file, place));
      if (file.stored > 0) for await (const part of entry.data()) await unpacker.data(part);
    }
    await unpacker.finish();
  } catch (error) {
    await unpacker.abort();
    throw explainUnpacking(explainWrite(error, place.where), 'the archive');
  }
}
