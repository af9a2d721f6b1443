/** Files with holes, in the four ways GNU tar wrote them over time: where their data belongs. */
import type { ByteReader } from './byte-reader.ts';
import { type PaxRecords, paxInteger } from './pax.ts';
import { gnuRealSize, gnuSparsePairs, TarError } from './tar-header.ts';

/** Offset and length in the file, ascending; the data of all follows one another in the archive. */
export type Segments = readonly (readonly [number, number])[];

export interface Sparse {
  readonly size: number;
  readonly segments: Segments;
  /** What of the entry's stored bytes the map itself took (format 1.0). */
  readonly mapBytes: number;
}

const SEGMENTS_MAX = 500_000;

const checked = (size: number, segments: Segments, stored: number, mapBytes: number): Sparse => {
  let end = 0;
  let data = 0;
  for (const [offset, length] of segments) {
    if (!(Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= end && length >= 0))
      throw new TarError('a sparse file has a malformed map');
    end = offset + length;
    data += length;
  }
  if (!Number.isSafeInteger(size) || end > size || data !== stored - mapBytes)
    throw new TarError('a sparse file has a map that does not fit its size');
  return { size, segments, mapBytes };
};

const pairsOf = (numbers: readonly number[]): Segments => {
  if (numbers.length % 2 !== 0 || numbers.length > 2 * SEGMENTS_MAX)
    throw new TarError('a sparse file has a malformed map');
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!] as const);
};

/** The old GNU format: in the header (type S) and the blocks after it. */
export const readGnuSparse = async (header: Buffer, reader: ByteReader, stored: number): Promise<Sparse> => {
  const segments = gnuSparsePairs(header, 386, 4);
  const size = gnuRealSize(header);
  for (let more = header[482] !== 0; more; ) {
    const block = await reader.exactly(512);
    if (block.length < 512) throw new TarError('it ends in the middle of an entry');
    segments.push(...gnuSparsePairs(block, 0, 21));
    if (segments.length > SEGMENTS_MAX) throw new TarError('a sparse file has a malformed map');
    more = block[504] !== 0;
  }
  return checked(size, segments, stored, 0);
};

/** Format 1.0: decimal lines before the data: how many, then offset and length of each; padded to whole blocks. */
const readMapInData = async (reader: ByteReader, size: number, stored: number): Promise<Sparse> => {
  const numbers: number[] = [];
  let mapBytes = 0;
  let line = '';
  for (let wanted = 1; numbers.length < wanted; ) {
    const block = await reader.exactly(512);
    mapBytes += 512;
    if (block.length < 512 || mapBytes > stored) throw new TarError('it ends in the middle of an entry');
    const lines = (line + block.toString('latin1')).split('\n');
    line = lines.pop() ?? '';
    for (const text of lines) {
      if (numbers.length === wanted) break;
      if (!/^\d{1,16}$/.test(text)) throw new TarError('a sparse file has a malformed map');
      numbers.push(Number(text));
      if (numbers.length === 1) wanted = 1 + 2 * Number(text);
    }
    if (wanted > 2 * SEGMENTS_MAX || (line.length > 16 && numbers.length < wanted))
      throw new TarError('a sparse file has a malformed map');
  }
  return checked(size, pairsOf(numbers.slice(1)), stored, mapBytes);
};

/** Formats 0.0, 0.1 and 1.0, told by their PAX records; undefined: an ordinary file. */
export const readPaxSparse = async (
  pax: PaxRecords,
  reader: ByteReader,
  stored: number,
): Promise<Sparse | undefined> => {
  const size = paxInteger(pax, 'GNU.sparse.realsize') ?? paxInteger(pax, 'GNU.sparse.size');
  if (pax.get('GNU.sparse.major') === '1') {
    if (size === undefined) throw new TarError('a sparse file has no size');
    return readMapInData(reader, size, stored);
  }
  const map = pax.get('GNU.sparse.map');
  if (map === undefined) return undefined;
  const numbers = map === '' ? [] : map.split(',');
  if (size === undefined || !numbers.every((text) => /^\d{1,16}$/.test(text)))
    throw new TarError('a sparse file has a malformed map');
  return checked(size, pairsOf(numbers.map(Number)), stored, 0);
};
