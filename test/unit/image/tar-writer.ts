/** Writes tar archives for tests: proper ones, and any field as wrong as a test wants it. */

export interface Entry {
  readonly name: string;
  readonly type?: string;
  readonly data?: string | Buffer;
  readonly link?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly major?: number;
  readonly minor?: number;
  /** PAX records that precede the entry; values as bytes. */
  readonly pax?: Readonly<Record<string, string | Buffer>>;
  /** Changes the finished header, before its checksum. */
  readonly spoil?: (header: Buffer) => void;
  readonly gnu?: boolean;
}

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;

export const padded = (data: Buffer): Buffer => Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);

const header = (entry: Entry, size: number): Buffer => {
  const block = Buffer.alloc(512);
  const [name, prefix] = splitName(entry.name);
  block.write(name, 0, 100, 'latin1');
  block.write(octal((entry.mode ?? (entry.type === '5' ? 0o755 : 0o644)) & 0o7777, 8), 100, 'latin1');
  block.write(octal(entry.uid ?? 0, 8), 108, 'latin1');
  block.write(octal(entry.gid ?? 0, 8), 116, 'latin1');
  block.write(octal(size, 12), 124, 'latin1');
  block.write(octal(entry.mtime ?? 1_000_000_000, 12), 136, 'latin1');
  block.write(entry.type ?? '0', 156, 'latin1');
  block.write(entry.link ?? '', 157, 100, 'latin1');
  block.write(entry.gnu ? 'ustar  \0' : 'ustar\x0000', 257, 'latin1');
  block.write(octal(entry.major ?? 0, 8), 329, 'latin1');
  block.write(octal(entry.minor ?? 0, 8), 337, 'latin1');
  if (!entry.gnu) block.write(prefix, 345, 155, 'latin1');
  entry.spoil?.(block);
  block.write('        ', 148, 'latin1');
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
    'latin1',
  );
  return block;
};

const splitName = (name: string): [string, string] => {
  if (name.length <= 100) return [name, ''];
  const slash = name.lastIndexOf('/', 155);
  return [name.slice(slash + 1), name.slice(0, slash)];
};

const paxRecord = (key: string, value: Buffer): Buffer => {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
};

export const paxData = (records: Readonly<Record<string, string | Buffer>>): Buffer =>
  Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, Buffer.from(value as string))));

export const entryBytes = (entry: Entry): Buffer => {
  const data = Buffer.from((entry.data ?? '') as string);
  const own = Buffer.concat([header(entry, data.length), padded(data)]);
  if (entry.pax === undefined) return own;
  const records = paxData(entry.pax);
  return Buffer.concat([header({ name: 'PaxHeaders/x', type: 'x' }, records.length), padded(records), own]);
};

export const END = Buffer.alloc(1024);

export const makeTar = (...entries: readonly Entry[]): Buffer => Buffer.concat([...entries.map(entryBytes), END]);
