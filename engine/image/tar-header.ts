/**
 * One 512-byte tar header as numbers and bytes: v7, ustar, GNU and PAX, base-256 numbers.
 * Names are bytes, kept as latin1 text (one character a byte): archives are not always UTF-8, and must come out as they went in.
 */

export interface TarHeader {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  /** One character: '0' file, '5' folder, … */
  readonly type: string;
  readonly link: string;
  readonly isGnu: boolean;
  readonly major: number;
  readonly minor: number;
}

/** Where the archive is wrong; becomes a TcomposeError with the archive's name further up. */
export class TarError extends Error {}

const text = (block: Buffer, start: number, length: number): string => {
  const end = block.indexOf(0, start);
  return block.toString('latin1', start, end < 0 || end > start + length ? start + length : end);
};

/** GNU: the first byte has its high bit set, the rest is a big-endian number in two's complement. */
const base256 = (block: Buffer, start: number, length: number): number => {
  const isNegative = block[start] === 0xff;
  let value = isNegative ? -1 : block[start]! & 0x7f;
  for (let i = start + 1; i < start + length; i++) value = value * 256 + block[i]!;
  return value;
};

/** Octal digits, perhaps with spaces or NUL around; NaN for anything else. */
const number = (block: Buffer, start: number, length: number): number => {
  if ((block[start]! & 0x80) !== 0) return base256(block, start, length);
  let i = start;
  const end = start + length;
  while (i < end && block[i] === 0x20) i++;
  let value = 0;
  for (; i < end && block[i] !== 0 && block[i] !== 0x20; i++) {
    const digit = block[i]! - 0x30;
    if (digit < 0 || digit > 7) return Number.NaN;
    value = value * 8 + digit;
  }
  return value;
};

/** The checksum counts its own field as spaces; old programs added signed bytes. */
const hasValidChecksum = (block: Buffer): boolean => {
  let unsigned = 8 * 32;
  let signed = 8 * 32;
  for (let i = 0; i < 512; i++) {
    if (i >= 148 && i < 156) continue;
    const byte = block[i]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const stored = number(block, 148, 8);
  return stored === unsigned || stored === signed;
};

export const isZeroBlock = (block: Buffer): boolean => block.every((byte) => byte === 0);

export const parseTarHeader = (block: Buffer): TarHeader => {
  if (!hasValidChecksum(block)) throw new TarError('a header has a wrong checksum');
  const magic = block.toString('latin1', 257, 263);
  const isGnu = magic === 'ustar ';
  const isUstar = magic === 'ustar\0';
  const prefix = isUstar ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  const header = {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: number(block, 100, 8),
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: number(block, 124, 12),
    mtime: number(block, 136, 12),
    type: block[156] === 0 ? '0' : String.fromCharCode(block[156]!),
    link: text(block, 157, 100),
    isGnu,
    major: isGnu || isUstar ? number(block, 329, 8) : 0,
    minor: isGnu || isUstar ? number(block, 337, 8) : 0,
  };
  for (const field of ['mode', 'uid', 'gid', 'mtime', 'size'] as const)
    if (Number.isNaN(header[field])) throw new TarError(`a header has no valid ${field}`);
  return header;
};

/** Old GNU sparse entries ('S'): pairs of offset and length in the header, then in as many further blocks as flagged. */
export const gnuSparsePairs = (block: Buffer, start: number, count: number): [number, number][] => {
  const pairs: [number, number][] = [];
  for (let i = 0; i < count && block[start + i * 24] !== 0; i++)
    pairs.push([number(block, start + i * 24, 12), number(block, start + i * 24 + 12, 12)]);
  return pairs;
};
export const gnuRealSize = (block: Buffer): number => number(block, 483, 12);
