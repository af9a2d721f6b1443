/** PAX extended headers: `LENGTH KEY=VALUE\n` records whose values are bytes, NUL and newline included (pax(1)). */
import { TarError } from './tar-header.ts';

/** Keys to raw values (latin1 text). Repeated GNU.sparse.offset/numbytes (sparse format 0.0) are joined to a map, as in 0.1. */
export type PaxRecords = ReadonlyMap<string, string>;

const isDigits = (text: string): boolean => /^\d+$/.test(text);

export const parsePax = (data: Buffer): Map<string, string> => {
  const records = new Map<string, string>();
  const sparse: string[] = [];
  let at = 0;
  while (at < data.length && data[at] !== 0) {
    const space = data.indexOf(0x20, at);
    const digits = space < 0 ? '' : data.toString('latin1', at, Math.min(space, at + 20));
    const length = isDigits(digits) ? Number(digits) : 0;
    const end = at + length;
    const equals = data.indexOf(0x3d, space);
    if (length < digits.length + 3 || end > data.length || data[end - 1] !== 0x0a || equals < 0 || equals >= end)
      throw new TarError('an extended header is malformed');
    const key = data.toString('latin1', space + 1, equals);
    const value = data.toString('latin1', equals + 1, end - 1);
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') sparse.push(value);
    else records.set(key, value);
    at = end;
  }
  if (sparse.length > 0) records.set('GNU.sparse.map', sparse.join(','));
  return records;
};

/** A number of a PAX record; undefined when the record is not there. */
export const paxInteger = (records: PaxRecords, key: string): number | undefined => {
  const value = records.get(key);
  if (value === undefined || value === '') return undefined;
  if (!isDigits(value)) throw new TarError(`an extended header has no valid ${key}`);
  return Number(value);
};

/** Seconds and nanoseconds; what lies before 1970 counts back, as timespec does. */
export const paxTime = (records: PaxRecords, key: string): { seconds: number; nanoseconds: number } | undefined => {
  const value = records.get(key);
  if (value === undefined || value === '') return undefined;
  const parts = /^(-?)(\d+)(?:\.(\d*))?$/.exec(value);
  if (parts === null) throw new TarError(`an extended header has no valid ${key}`);
  const seconds = Number(parts[2]);
  const nanoseconds = Number((parts[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (parts[1] === '') return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: -seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds };
};

/** Extended attributes as star (SCHILY) and libarchive write them, raw values. */
export const paxXattrs = (records: PaxRecords): Map<string, Buffer> => {
  const xattrs = new Map<string, Buffer>();
  for (const [key, value] of records) {
    if (key.startsWith('LIBARCHIVE.xattr.')) {
      const name = key
        .slice('LIBARCHIVE.xattr.'.length)
        .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
      if (!xattrs.has(name)) xattrs.set(name, Buffer.from(value, 'base64'));
    } else if (key.startsWith('SCHILY.xattr.')) {
      xattrs.set(key.slice('SCHILY.xattr.'.length), Buffer.from(value, 'latin1'));
    }
  }
  return xattrs;
};
