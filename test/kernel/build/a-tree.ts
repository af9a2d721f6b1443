/** Trees of files for builds, made from a short description by the launcher's unpacker, and told again as lines. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { layersReach } from '../../../engine/build/copy/origin.ts';
import { packTree } from '../../../engine/files/file-program.ts';
import type { PackedFile } from '../../../engine/files/record-stream.ts';
import { writeTar } from '../../../engine/files/tar-writer.ts';
import type { Host } from '../../../engine/host.ts';
import { NOTHING, startUnpacker, type UnpackRecord } from '../../../engine/launcher/unpack.ts';

export interface FileSpec {
  readonly text?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly link?: string;
  readonly hard?: string;
  readonly fifo?: true;
  readonly xattrs?: Readonly<Record<string, string>>;
  /** A tar archive of these, packed by a program of the host. */
  readonly tar?: TreeSpec;
  readonly pack?: 'gzip' | 'bzip2' | 'xz' | 'zstd';
  /** Seconds since 1970. */
  readonly mtime?: number;
}

/** A path that ends in a slash is a folder; a plain text is a file's content. Parents come before what is in them. */
export type TreeSpec = Readonly<Record<string, string | FileSpec>>;

/** The time of all that is described. */
export const OLD = 1_500_000_000;

const raw = (text: string): string => Buffer.from(text).toString('latin1');

async function recordsOf(spec: TreeSpec): Promise<readonly { record: UnpackRecord; bytes: Buffer }[]> {
  return Promise.all(
    Object.entries(spec).map(async ([path, value]) => {
      const file: FileSpec = typeof value === 'string' ? { text: value } : value;
      const bytes = file.tar === undefined ? Buffer.from(file.text ?? '') : await tarBytes(file.tar, file.pack);
      const kind = path.endsWith('/') ? 'd' : file.link ? 'l' : file.hard ? 'h' : file.fifo ? 'p' : 'f';
      const size = kind === 'f' ? bytes.length : 0;
      const record: UnpackRecord = {
        ...NOTHING,
        kind,
        path: raw(path.replace(/\/$/, '')),
        link: raw(file.link ?? file.hard ?? ''),
        mode: file.mode ?? (kind === 'd' ? 0o755 : 0o644),
        uid: file.uid ?? 0,
        gid: file.gid ?? 0,
        mtime: { seconds: file.mtime ?? OLD, nanoseconds: 0 },
        size,
        stored: size,
        xattrs: Object.entries(file.xattrs ?? {}).map(([name, text]) => [name, Buffer.from(text, 'latin1')]),
      };
      return { record, bytes };
    }),
  );
}

export async function tarBytes(spec: TreeSpec, pack?: FileSpec['pack']): Promise<Buffer> {
  const files = (await recordsOf(spec)).map(
    ({ record, bytes }): PackedFile => ({
      ...record,
      async *data() {
        if (record.stored > 0) yield bytes;
      },
    }),
  );
  const parts: Buffer[] = [];
  for await (const part of writeTar(files as unknown as AsyncIterable<PackedFile>, { sparse: false }))
    parts.push(Buffer.from(part));
  const tar = Buffer.concat(parts);
  return pack === undefined ? tar : execFileSync(pack, ['-c'], { input: tar });
}

export async function makeTree(launcher: string, folder: string, spec: TreeSpec): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const unpacker = startUnpacker(launcher, folder);
  for (const { record, bytes } of await recordsOf(spec)) {
    await unpacker.put(record);
    if (record.stored > 0) await unpacker.data(bytes);
  }
  await unpacker.finish();
}

/** All of it as a tar archive. */
export async function tarOfTree(host: Host, folder: string, scratch: string): Promise<Buffer> {
  const files = await packTree(host, layersReach(scratch, [folder]), '/');
  const parts: Buffer[] = [];
  for await (const part of writeTar(files, { sparse: false })) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

const text = (latin1: string): string => Buffer.from(latin1, 'latin1').toString();

/** A line for each file: path, type and mode, owner, what it holds, attributes, and whether its time is the described one. */
export async function treeLines(host: Host, layers: readonly string[], scratch: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const file of await packTree(host, layersReach(scratch, layers), '/')) {
    const parts: Buffer[] = [];
    for await (const part of file.data()) parts.push(part);
    const content = Buffer.concat(parts).toString('base64');
    const shown =
      file.kind === 'f'
        ? /^[\x20-\x7e\n]*$/.test(Buffer.concat(parts).toString())
          ? Buffer.concat(parts).toString()
          : content
        : text(file.link);
    const attributes = file.xattrs.map(([name, value]) => `${name}=${value.toString('hex')}`).sort();
    const time = file.mtime.seconds === OLD ? 'old' : file.mtime.seconds === 0 ? 'zero' : 'new';
    const mode = file.kind === 'l' || file.kind === 'h' ? '' : file.mode.toString(8);
    const owner = file.kind === 'h' ? '' : `${file.uid}:${file.gid}`;
    lines.push(
      [
        `/${text(file.path)}`,
        `${file.kind}${mode}`,
        owner,
        JSON.stringify(shown),
        ...attributes,
        file.kind === 'h' ? '' : time,
      ]
        .join(' ')
        .trimEnd(),
    );
  }
  return lines.sort();
}

export const folderFor = (base: string, name: string): string => {
  const folder = join(base, name);
  mkdirSync(folder, { recursive: true });
  return folder;
};
