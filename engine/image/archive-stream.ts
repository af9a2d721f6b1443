/**
 * A tar of images read once, from start to end: what lists the images often comes last, so whatever looks like a layer is unpacked
 * when it passes by, and named when all is known. Nothing is spooled.
 */
import { type Archive, type ArchivedLayer, DOCUMENT_BYTES_MAX, memberName, promisedDigest } from './archive.ts';
import { ByteReader } from './byte-reader.ts';
import { compressionOf, decompress } from './decompress.ts';
import { cleanPath } from './layer-entry.ts';
import { addLayer, digestMismatch, type LayerSink } from './layer-sink.ts';
import { digestOf } from './store.ts';
import { isZeroBlock, parseTarHeader, TarError } from './tar-header.ts';
import { readTar, type TarEntry } from './tar-reader.ts';

type Member =
  | { readonly kind: 'document'; readonly bytes: Buffer }
  | { readonly kind: 'layer'; readonly layer: ArchivedLayer }
  | { readonly kind: 'link'; readonly target: string };

const DOCUMENTS_BYTES_MAX = 128 << 20;

const looksLikeTar = (block: Buffer): boolean => {
  if (block.length < 512) return false;
  if (isZeroBlock(block)) return true;
  try {
    parseTarHeader(block);
    return true;
  } catch (error) {
    if (error instanceof TarError) return false;
    throw error;
  }
};

const readDocument = async (reader: ByteReader, name: string): Promise<Buffer> => {
  const bytes = await reader.exactly(DOCUMENT_BYTES_MAX);
  const promised = promisedDigest(name);
  if (promised !== undefined && digestOf(bytes) !== promised) throw digestMismatch(name, digestOf(bytes));
  return Buffer.from(bytes);
};

const readMember = async (entry: TarEntry, name: string, sink: LayerSink): Promise<Member | undefined> => {
  const reader = new ByteReader(entry.data());
  const start = await reader.peek(512);
  const isPlain = looksLikeTar(start);
  if (isPlain || compressionOf(start) !== 'none') {
    // A plain tar's digest is its diff id: a layer that the store has is not unpacked again only to be thrown away.
    const digest = promisedDigest(name);
    const expected = { digest, diffId: isPlain ? digest : undefined };
    return { kind: 'layer', layer: await addLayer(sink, () => reader.rest(), name, expected) };
  }
  return entry.stored > DOCUMENT_BYTES_MAX ? undefined : { kind: 'document', bytes: await readDocument(reader, name) };
};

const readMembers = async (reader: ByteReader, sink: LayerSink): Promise<Map<string, Member>> => {
  const members = new Map<string, Member>();
  let bytes = 0;
  for await (const entry of readTar(reader)) {
    const name = cleanPath(entry.path);
    if (entry.kind === 'symlink') {
      // Old archives link equal layers to one another; links are looked up among the members, never on a disk.
      members.set(name, {
        kind: 'link',
        target: cleanPath(entry.link.startsWith('/') ? entry.link : `${name}/../${entry.link}`),
      });
    } else if (entry.kind === 'hard-link') {
      members.set(name, { kind: 'link', target: cleanPath(entry.link) });
    } else if (entry.kind === 'file') {
      const member = await readMember(entry, name, sink);
      if (member !== undefined) members.set(name, member);
      if (member?.kind === 'document') bytes += member.bytes.length;
      if (bytes > DOCUMENTS_BYTES_MAX) throw new TarError('it holds too many documents for an image archive');
    }
  }
  return members;
};

const follow = (members: ReadonlyMap<string, Member>, name: string): Member | undefined => {
  let member = members.get(memberName(name));
  for (let links = 0; member?.kind === 'link' && links < 40; links++) member = members.get(member.target);
  return member;
};

export const readArchiveStream = async (source: AsyncIterable<Uint8Array>, sink: LayerSink): Promise<Archive> => {
  const { bytes } = await decompress(new ByteReader(source));
  const reader = new ByteReader(bytes);
  try {
    const members = await readMembers(reader, sink);
    while ((await reader.some(1 << 20)).length > 0); // a program that pipes it to us must not be broken off
    return {
      async document(name) {
        const member = follow(members, name);
        return member?.kind === 'document' ? member.bytes : undefined;
      },
      async layer(name) {
        const member = follow(members, name);
        if (member?.kind === 'layer') return member.layer;
        // An empty stream is a valid empty layer, and looked like a document.
        if (member?.kind === 'document' && member.bytes.length === 0) return addLayer(sink, emptyStream, name, {});
        return undefined;
      },
    };
  } finally {
    await reader.close().catch(() => undefined);
  }
};

async function* emptyStream(): AsyncGenerator<Buffer> {}
