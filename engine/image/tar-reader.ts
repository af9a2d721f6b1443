/**
 * Reads a tar archive entry by entry, whatever wrote it. Our own, since layers need what general readers lack: names and extended
 * attributes as raw bytes, sparse files never misread, and a strict no to what is malformed.
 */
import type { FileFacts } from '../launcher/unpack.ts';
import type { ByteReader } from './byte-reader.ts';
import { type PaxRecords, parsePax, paxInteger, paxTime, paxXattrs } from './pax.ts';
import { readGnuSparse, readPaxSparse, type Segments, type Sparse } from './sparse.ts';
import { isZeroBlock, parseTarHeader, TarError, type TarHeader } from './tar-header.ts';

export type TarEntryKind = 'file' | 'hard-link' | 'symlink' | 'char-device' | 'block-device' | 'folder' | 'fifo';

/** Paths as written in the archive; `data` gives the `stored` bytes. */
export interface TarEntry extends FileFacts {
  readonly kind: TarEntryKind;
  /** Where the data belongs; empty: one piece from the start. */
  readonly segments: Segments;
  readonly xattrs: ReadonlyMap<string, Buffer>;
  /** To be read before the next entry is asked for; what is left unread is skipped. */
  data(): AsyncGenerator<Buffer>;
}

const KINDS: Readonly<Record<string, TarEntryKind>> = {
  '0': 'file',
  '1': 'hard-link',
  '2': 'symlink',
  '3': 'char-device',
  '4': 'block-device',
  '5': 'folder',
  '6': 'fifo',
  '7': 'file',
  S: 'file',
};
const EXTENDED_BYTES_MAX = 8 << 20;
const TRUNCATED = 'it ends in the middle of an entry';
const NONE: PaxRecords = new Map();
const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map();

const paddingOf = (bytes: number): number => (512 - (bytes % 512)) % 512;

/** What the headers before an entry say about it. */
interface Overrides {
  pax: PaxRecords;
  longName: string | undefined;
  longLink: string | undefined;
}

const readExtended = async (reader: ByteReader, size: number): Promise<Buffer> => {
  if (size < 0 || size > EXTENDED_BYTES_MAX) throw new TarError('an extended header is too long');
  const data = await reader.exactly(size);
  if (data.length < size || !(await reader.skip(paddingOf(size)))) throw new TarError(TRUNCATED);
  return data;
};

const untilNul = (data: Buffer): string => {
  const end = data.indexOf(0);
  return data.toString('latin1', 0, end < 0 ? data.length : end);
};

/** True: the header was about the next entry, and is taken in. */
const takeExtension = async (header: TarHeader, reader: ByteReader, overrides: Overrides): Promise<boolean> => {
  switch (header.type) {
    case 'x':
    case 'X':
      overrides.pax = parsePax(await readExtended(reader, header.size));
      return true;
    case 'g': // about all entries: only comments in practice, and Docker ignores them as well
      await readExtended(reader, header.size);
      return true;
    case 'L':
      overrides.longName = untilNul(await readExtended(reader, header.size));
      return true;
    case 'K':
      overrides.longLink = untilNul(await readExtended(reader, header.size));
      return true;
    case 'V': // a volume's name
      return true;
    default:
      return false;
  }
};

const integer = (value: number, what: string, most: number): number => {
  if (!Number.isSafeInteger(value) || value < 0 || value > most) throw new TarError(`an entry has no valid ${what}`);
  return value;
};

/** Everything but the data. */
const describeEntry = (
  header: TarHeader,
  { pax, longName, longLink }: Overrides,
): Omit<TarEntry, 'data' | 'segments'> => {
  const path = pax.get('GNU.sparse.name') ?? pax.get('path') ?? longName ?? header.name;
  // A folder in a v7 archive is a file whose name ends in a slash.
  const kind = header.type === '0' && path.endsWith('/') ? 'folder' : KINDS[header.type];
  if (kind === undefined) throw new TarError(`an entry has the unknown type ${JSON.stringify(header.type)}`);
  const isDevice = kind === 'char-device' || kind === 'block-device';
  const size = kind === 'file' ? integer(paxInteger(pax, 'size') ?? header.size, 'size', Number.MAX_SAFE_INTEGER) : 0;
  return {
    kind,
    path,
    link: pax.get('linkpath') ?? longLink ?? header.link,
    mode: integer(header.mode, 'mode', Number.MAX_SAFE_INTEGER) % 0o10000,
    uid: integer(paxInteger(pax, 'uid') ?? header.uid, 'owner', 0xfffffffe),
    gid: integer(paxInteger(pax, 'gid') ?? header.gid, 'group', 0xfffffffe),
    mtime: paxTime(pax, 'mtime') ?? { seconds: header.mtime, nanoseconds: 0 },
    major: isDevice ? integer(header.major, 'device number', 0xfff) : 0,
    minor: isDevice ? integer(header.minor, 'device number', 0xfffff) : 0,
    size,
    stored: size,
    xattrs: pax.size === 0 ? NO_XATTRS : paxXattrs(pax),
  };
};

/** Entries in order; returns whether the archive's end was marked, as all common programs do. */
export async function* readTar(reader: ByteReader): AsyncGenerator<TarEntry, boolean> {
  let overrides: Overrides = { pax: NONE, longName: undefined, longLink: undefined };
  for (;;) {
    const block = await reader.exactly(512);
    if (block.length === 0) return false;
    if (block.length < 512) throw new TarError(TRUNCATED);
    if (block[0] === 0 && isZeroBlock(block)) return true;
    const header = parseTarHeader(block);
    if (await takeExtension(header, reader, overrides)) continue;

    const entry = describeEntry(header, overrides);
    let sparse: Sparse | undefined;
    if (header.type === 'S') sparse = await readGnuSparse(block, reader, entry.stored);
    else if (entry.kind === 'file') sparse = await readPaxSparse(overrides.pax, reader, entry.stored);
    // The blocks that extend an old GNU header are not part of the stored size; the map of format 1.0 is.
    let left = entry.stored - (sparse?.mapBytes ?? 0);
    const data = async function* (): AsyncGenerator<Buffer> {
      while (left > 0) {
        const part = await reader.some(left);
        if (part.length === 0) throw new TarError(TRUNCATED);
        left -= part.length;
        yield part;
      }
    };
    yield { ...entry, size: sparse?.size ?? entry.size, stored: left, segments: sparse?.segments ?? [], data };
    if (!(await reader.skip(left + paddingOf(entry.stored)))) throw new TarError(TRUNCATED);
    overrides = { pax: NONE, longName: undefined, longLink: undefined };
  }
}
