/** Brings a build's context here: a folder as it is; a repository, an archive, a file from elsewhere as a folder of ours. */
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { BuildContext } from '../../../src/model/build.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import { ByteReader } from '../../image/byte-reader.ts';
import { decompress } from '../../image/decompress.ts';
import { toFileRecord } from '../../image/layer-entry.ts';
import { isZeroBlock, parseTarHeader } from '../../image/tar-header.ts';
import { readTar } from '../../image/tar-reader.ts';
import { explainUnpacking } from '../../image/unpack-layer.ts';
import { startUnpacker } from '../../launcher/unpack.ts';
import { readTextIn, TEXT_MAX } from '../context/read-text.ts';
import type { CopyServices, OpenContext, OpenContextFn } from './contract.ts';

export const openContext: OpenContextFn = async (services, context) => {
  switch (context.kind) {
    case 'folder':
      await mustBeFolder(context.path);
      return folderContext(services, context.path, { isHosts: true });
    case 'empty':
      return folderContext(services, await newFolder(services));
    case 'git':
      return folderContext(services, await gitFolder(services, context.url));
    case 'archive':
      return folderContext(services, await unpacked(services, context.path, context.path));
    case 'http':
      return httpContext(services, context);
  }
};

function folderContext(services: CopyServices, folder: string, { isHosts = false } = {}): OpenContext {
  return {
    folder,
    async readText(path) {
      if (!isHosts || !isAbsolute(path)) return readTextIn(services.host, folder, path);
      return hostText(path);
    },
  };
}

/** A path that the user gave as such: nobody else decides where it leads. */
async function hostText(path: string): Promise<string | undefined> {
  const { size } = await stat(path).catch(() => ({ size: -1 }));
  if (size < 0) return undefined;
  if (size > TEXT_MAX)
    throw new TcomposeError(`${path} is larger than a Dockerfile may be`, { code: 'unreadable-file' });
  return readFile(path, 'utf8');
}

async function mustBeFolder(path: string): Promise<void> {
  const status = await stat(path).catch((cause: unknown) => {
    throw new TcomposeError(`the context ${path} is not there`, {
      code: 'no-such-file',
      help: 'name a folder that exists',
      cause,
    });
  });
  if (!status.isDirectory())
    throw new TcomposeError(`the context ${path} is not a folder`, {
      code: 'no-such-file',
      help: 'name the folder that the files are in',
    });
}

async function newFolder({ scratch }: CopyServices): Promise<string> {
  await mkdir(scratch, { recursive: true });
  const folder = join(await mkdtemp(join(scratch, 'context-')), 'files');
  await mkdir(folder, { mode: 0o755 });
  return folder;
}

async function gitFolder(services: CopyServices, url: string): Promise<string> {
  const [{ parseGitAddress }, { checkOutGit }] = await Promise.all([
    import('../context/git-address.ts'),
    import('../context/git.ts'),
  ]);
  const address = parseGitAddress(url);
  if (typeof address === 'string')
    throw new TcomposeError(`${url}: ${address}`, { code: 'bad-copy', help: 'write https://host/repo.git#ref:folder' });
  return (await checkOutGit(services, address)).folder;
}

/** What is a tar archive is unpacked, whatever its server calls it; anything else is the Dockerfile itself. */
async function httpContext(
  services: CopyServices,
  { url }: Extract<BuildContext, { kind: 'http' }>,
): Promise<OpenContext> {
  const { fetchFile } = await import('../context/http.ts');
  const { folder, stored } = await fetchFile(services, url);
  const file = join(folder, stored);
  if (await beginsAsTar(file)) return folderContext(services, await unpacked(services, file, url));
  const dockerfile = await hostText(file);
  return { ...folderContext(services, await newFolder(services)), ...(dockerfile !== undefined && { dockerfile }) };
}

async function beginsAsTar(path: string): Promise<boolean> {
  const outer = new ByteReader(createReadStream(path));
  try {
    const block = await new ByteReader((await decompress(outer)).bytes).exactly(512);
    if (block.length < 512 || isZeroBlock(block)) return false;
    parseTarHeader(block);
    return true;
  } catch {
    return false;
  } finally {
    await outer.close().catch(() => undefined);
  }
}

/** Nothing of it leaves the folder, whatever it says: as with layers of images. */
async function unpacked(services: CopyServices, path: string, what: string): Promise<string> {
  const folder = await newFolder(services);
  const outer = new ByteReader(createReadStream(path));
  const unpacker = startUnpacker(services.host.launcher, folder);
  try {
    const { bytes } = await decompress(outer);
    for await (const entry of readTar(new ByteReader(bytes))) {
      services.signal.throwIfAborted();
      const record = toFileRecord(entry);
      if (record.path === '' || /[cb]/.test(record.kind)) continue;
      await unpacker.put(record);
      if (record.stored > 0) for await (const part of entry.data()) await unpacker.data(part);
    }
    await unpacker.finish();
    return folder;
  } catch (error) {
    await unpacker.abort();
    await outer.close().catch(() => undefined);
    throw explainUnpacking(error, `the context ${what}`);
  }
}
