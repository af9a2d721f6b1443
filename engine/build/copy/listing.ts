/** Answers of the launcher to "what lies in this folder" (engine/launcher/read_files.c), as bytes and as values. */

export type FileType = 'd' | 'f' | 'l' | 'c' | 'b' | 'p' | 's';

/** One member of a folder. Names and targets of links are raw bytes as latin1 text. */
export interface Member {
  readonly name: string;
  /** From the root, no slash at either end. */
  readonly path: string;
  readonly type: FileType;
  /** Permissions with set-id and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Names that the file has. */
  readonly links: number;
  readonly major: number;
  readonly minor: number;
  readonly size: number;
  readonly target: string;
  /** Device, number, size, times: changes with any change of the file. Raw bytes as latin1 text. */
  readonly identity: string;
}

export interface Listing {
  /** 0: it could be read. */
  readonly errno: number;
  readonly members: readonly Member[];
}

const HEAD_BYTES = 8;
const MEMBER_BYTES = 32;
export const IDENTITY_BYTES = 48;
/** inode(7), the uppermost four bits. */
const TYPES: Readonly<Record<number, FileType>> = { 1: 'p', 2: 'c', 4: 'd', 6: 'b', 8: 'f', 10: 'l', 12: 's' };

/** The file itself, whatever its state: names of one file share it. */
export const fileOf = (identity: string): string => identity.slice(0, 16);

const nanosecondsOf = (bytes: Buffer, seconds: number, rest: number): bigint =>
  bytes.readBigInt64LE(seconds) * 1_000_000_000n + BigInt(bytes.readUInt32LE(rest));

/** When it was last changed in any way, nanoseconds since 1970. */
export const changedAt = (identity: string): bigint => nanosecondsOf(Buffer.from(identity, 'latin1'), 32, 44);

export function modifiedAt(identity: string): { readonly seconds: number; readonly nanoseconds: number } {
  const bytes = Buffer.from(identity, 'latin1');
  return { seconds: Number(bytes.readBigInt64LE(24)), nanoseconds: bytes.readUInt32LE(40) };
}

/** One whole answer at `start`, or undefined when it has not all arrived. */
export function readListing(
  bytes: Buffer,
  start: number,
  folder: string,
): { listing: Listing; end: number } | undefined {
  if (bytes.length < start + HEAD_BYTES) return undefined;
  const end = start + HEAD_BYTES + bytes.readUInt32LE(start);
  if (bytes.length < end) return undefined;
  const members: Member[] = [];
  const above = folder === '' ? '' : `${folder}/`;
  for (let at = start + HEAD_BYTES; at < end; at += bytes.readUInt32LE(at)) members.push(readMember(bytes, at, above));
  return { listing: { errno: bytes.readUInt32LE(start + 4), members }, end };
}

function readMember(bytes: Buffer, at: number, above: string): Member {
  const nameAt = at + MEMBER_BYTES + IDENTITY_BYTES;
  const nameEnd = nameAt + bytes.readUInt32LE(at + 4);
  const mode = bytes.readUInt32LE(at + 8);
  const sizeAt = at + MEMBER_BYTES + 16;
  const name = bytes.toString('latin1', nameAt, nameEnd);
  return {
    name,
    path: above + name,
    type: TYPES[mode >>> 12] ?? 's',
    mode: mode & 0o7777,
    links: bytes.readUInt32LE(at + 12),
    uid: bytes.readUInt32LE(at + 16),
    gid: bytes.readUInt32LE(at + 20),
    major: bytes.readUInt32LE(at + 24),
    minor: bytes.readUInt32LE(at + 28),
    size: bytes.readUInt32LE(sizeAt) + bytes.readUInt32LE(sizeAt + 4) * 2 ** 32,
    target: bytes.toString('latin1', nameEnd, at + bytes.readUInt32LE(at)),
    identity: bytes.toString('latin1', at + MEMBER_BYTES, nameAt),
  };
}
