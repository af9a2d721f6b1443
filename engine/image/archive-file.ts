/**
 * A tar of images that is a file: one look from header to header finds what there is, and what is asked for is read where it lies. So layers come
 * several at once, and those that the store has are not read at all.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { type Archive, DOCUMENT_BYTES_MAX, memberName, promisedDigest } from './archive.ts';
import { ByteReader } from './byte-reader.ts';
import { compressionOf } from './decompress.ts';
import { cleanPath } from './layer-entry.ts';
import { addLayer, digestMismatch, type LayerSink } from './layer-sink.ts';
import { digestOf } from './store.ts';
import { TarError } from './tar-header.ts';
import { readTar } from './tar-reader.ts';

type Member =
  | { readonly kind: 'file'; readonly offset: number; readonly bytes: number }
  | { readonly kind: 'link'; readonly target: string };

const LOOK_BYTES = 16 << 10;
const MEMBERS_MAX = 200_000;

/** Of the file, a little at a time, from one place to another. */
const jumpingReader = (file: FileHandle, size: number): ByteReader => {
  let position = 0;
  const pieces = async function* () {
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(LOOK_BYTES), 0, LOOK_BYTES, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  };
  return new ByteReader(pieces(), (bytes) => {
    position += bytes;
    return position <= size;
  });
};

/** Undefined: it has files with holes, which are to be read from the start. */
const membersOf = async (reader: ByteReader): Promise<Map<string, Member> | undefined> => {
  const members = new Map<string, Member>();
  for await (const { kind, path, link, segments, stored } of readTar(reader)) {
    const name = cleanPath(path);
    if (segments.length > 0) return undefined;
    if (members.size >= MEMBERS_MAX) throw new TarError('it holds too many files for an image archive');
    if (kind === 'file') members.set(name, { kind, offset: reader.offset, bytes: stored });
    else if (kind === 'hard-link') members.set(name, { kind: 'link', target: cleanPath(link) });
    else if (kind === 'symlink')
      members.set(name, { kind: 'link', target: cleanPath(link.startsWith('/') ? link : `${name}/../${link}`) });
  }
  return members;
};

const readDocument = async (file: FileHandle, name: string, { offset, bytes }: Member & { kind: 'file' }) => {
  if (bytes > DOCUMENT_BYTES_MAX) return undefined;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, offset);
  const document = buffer.subarray(0, bytesRead);
  const promised = promisedDigest(name);
  if (promised !== undefined && digestOf(document) !== promised) throw digestMismatch(name, digestOf(document));
  return document;
};

async function* partOf(file: FileHandle, offset: number, bytes: number): AsyncGenerator<Buffer> {
  for (let at = offset; at < offset + bytes; ) {
    const wanted = Math.min(1 << 20, offset + bytes - at);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, at);
    if (bytesRead === 0) throw new TarError('it ends in the middle of an entry');
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Undefined: it is packed, no plain file, or has holes, and is to be read from its start to its end. */
export const readArchiveFile = async (path: string, sink: LayerSink): Promise<Archive | undefined> => {
  const file = await open(path, 'r');
  const archive = await archiveOf(file, sink).catch(async (error: unknown) => {
    await file.close();
    throw error;
  });
  if (archive === undefined) await file.close();
  return archive;
};

const archiveOf = async (file: FileHandle, sink: LayerSink): Promise<Archive | undefined> => {
  const stat = await file.stat();
  if (!stat.isFile()) return undefined;
  const reader = jumpingReader(file, stat.size);
  if (compressionOf(await reader.peek(10)) !== 'none') return undefined;
  const members = await membersOf(reader);
  if (members === undefined) return undefined;
  const find = (name: string): (Member & { kind: 'file' }) | undefined => {
    let member = members.get(memberName(name));
    for (let links = 0; member?.kind === 'link' && links < 40; links++) member = members.get(member.target);
    return member?.kind === 'file' ? member : undefined;
  };
  return {
    async document(name) {
      const member = find(name);
      return member && readDocument(file, memberName(name), member);
    },
    async layer(name, diffId) {
      const member = find(name);
      if (member === undefined) return undefined;
      const read = () => partOf(file, member.offset, member.bytes);
      return addLayer(sink, read, name, { digest: promisedDigest(memberName(name)), diffId });
    },
    close: () => file.close(),
  };
};
