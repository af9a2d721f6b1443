/** Files as a tar stream that every tar reads: ustar, with PAX records for what does not fit (pax(1)). */
import type { PackedFile } from './record-stream.ts';

export interface TarOptions {
  /** Holes are kept (GNU sparse format 1.0 in PAX, which Docker and GNU tar read); else they are written as the zeros they are. */
  readonly sparse: boolean;
}

const TYPES: Readonly<Record<string, string>> = { f: '0', h: '1', l: '2', c: '3', b: '4', d: '5', p: '6' };
const BLOCK = 512;
const padding = (length: number): Buffer => Buffer.alloc((BLOCK - (length % BLOCK)) % BLOCK);

/** Pieces are handed over together: a hash or a connection takes one of 64 KiB in the time of one of a few bytes. */
const PIECE_BYTES = 1 << 16;

/** Paths are latin1 text, one character a byte, as they are to be in the archive; of folders without the slash at the end. */
export async function* writeTar(files: AsyncIterable<PackedFile>, options: TarOptions): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let bytes = 0;
  const add = (part: Buffer): void => {
    if (part.length === 0) return;
    parts.push(part);
    bytes += part.length;
  };
  const take = (): Buffer => {
    const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts, bytes);
    [parts, bytes] = [[], 0];
    return whole;
  };
  for await (const file of files) {
    if (TYPES[file.kind] === undefined) continue;
    const { size, keepsHoles, head } = beginEntry(file, options);
    for (const part of head) add(part);
    if (size > 0) {
      for await (const part of keepsHoles || file.stored === file.size ? file.data() : withZeros(file)) {
        add(part);
        if (bytes >= PIECE_BYTES) yield take();
      }
      add(padding(size));
    }
    if (bytes >= PIECE_BYTES) yield take();
  }
  add(Buffer.alloc(2 * BLOCK));
  yield take();
}

interface Begun {
  /** In the archive. */
  readonly size: number;
  readonly keepsHoles: boolean;
  readonly head: readonly Buffer[];
}

/** All but the data. */
function beginEntry(file: PackedFile, options: TarOptions): Begun {
  const keepsHoles = options.sparse && file.kind === 'f' && file.stored !== file.size;
  const map = keepsHoles ? sparseMap(file) : Buffer.alloc(0);
  const size = file.kind !== 'f' ? 0 : keepsHoles ? map.length + file.stored : file.size;
  const path = file.kind === 'd' && !file.path.endsWith('/') ? `${file.path}/` : file.path;
  const records = paxRecords(file, path, size);
  if (keepsHoles) {
    records.push(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.name', path]);
    records.push(['GNU.sparse.realsize', `${file.size}`]);
  }
  const head: Buffer[] = [];
  if (records.length > 0) {
    const body = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
    head.push(header({ path: 'PaxHeader', link: '', type: 'x', size: body.length }), body, padding(body.length));
  }
  head.push(header({ path, link: file.link, type: TYPES[file.kind]!, size, file }), map);
  return { size, keepsHoles, head };
}

/** Decimal lines, filled up to a block: count, then offset and length of each piece (tar(5), GNU sparse 1.0). */
function sparseMap({ segments, size }: PackedFile): Buffer {
  const last = segments[segments.length - 1];
  const ends = last !== undefined && last[0] + last[1] === size;
  const all = ends ? segments : [...segments, [size, 0] as const];
  const text = Buffer.from([all.length, ...all.flat()].map((number) => `${number}\n`).join(''));
  return Buffer.concat([text, padding(text.length)]);
}

async function* withZeros({ data, segments, size }: PackedFile): AsyncGenerator<Buffer> {
  let at = 0;
  const pieces = [...segments];
  let left = 0;
  for await (const chunk of data()) {
    let rest = chunk;
    while (rest.length > 0) {
      if (left === 0) {
        const [offset, length] = pieces.shift()!;
        yield* zeros(offset - at);
        at = offset;
        left = length;
        if (length === 0) continue;
      }
      const part = rest.subarray(0, left);
      yield part;
      at += part.length;
      left -= part.length;
      rest = rest.subarray(part.length);
    }
  }
  yield* zeros(size - at);
}

const ZEROS = Buffer.alloc(1 << 18);

function* zeros(count: number): Generator<Buffer> {
  for (let left = count; left > 0; left -= ZEROS.length) yield left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS;
}

const OCTAL_7 = 0o7777777;
const OCTAL_11 = 0o77777777777;

function paxRecords(file: PackedFile, path: string, size: number): [string, string][] {
  const records: [string, string][] = [];
  const { seconds, nanoseconds } = file.mtime;
  if (splitName(path) === undefined || !isAscii(path)) records.push(['path', path]);
  if (file.link.length > 100 || !isAscii(file.link)) records.push(['linkpath', file.link]);
  if (size > OCTAL_11) records.push(['size', `${size}`]);
  if (file.uid > OCTAL_7) records.push(['uid', `${file.uid}`]);
  if (file.gid > OCTAL_7) records.push(['gid', `${file.gid}`]);
  if (nanoseconds > 0 || seconds < 0 || seconds > OCTAL_11) records.push(['mtime', decimal(seconds, nanoseconds)]);
  for (const [name, value] of file.xattrs) records.push([`SCHILY.xattr.${name}`, value.toString('latin1')]);
  return records;
}

const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text);

function decimal(seconds: number, nanoseconds: number): string {
  const [whole, rest] = seconds < 0 && nanoseconds > 0 ? [seconds + 1, 1e9 - nanoseconds] : [seconds, nanoseconds];
  const sign = seconds < 0 && whole === 0 ? '-' : '';
  const fraction = rest === 0 ? '' : `.${String(rest).padStart(9, '0').replace(/0+$/, '')}`;
  return `${sign}${whole}${fraction}`;
}

/** `LENGTH KEY=VALUE\n`: the length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const body = Buffer.from(` ${key}=${value}\n`, 'latin1');
  let length = body.length + 1;
  while (`${length}`.length + body.length !== length) length = `${length}`.length + body.length;
  return Buffer.concat([Buffer.from(`${length}`), body]);
}

/** ustar: 100 bytes, or a prefix of 155 at a slash. */
function splitName(path: string): readonly [prefix: string, name: string] | undefined {
  if (path.length <= 100) return ['', path];
  for (let slash = path.lastIndexOf('/', 155); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const name = path.slice(slash + 1);
    if (name.length > 100) return undefined;
    if (name.length > 0) return [path.slice(0, slash), name];
  }
  return undefined;
}

interface Header {
  readonly path: string;
  readonly link: string;
  readonly type: string;
  readonly size: number;
  readonly file?: PackedFile;
}

function header({ path, link, type, size, file }: Header): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (at: number, width: number, value: number) =>
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  const [prefix, name] = splitName(path) ?? ['', path.slice(0, 100)];
  block.write(name, 0, 'latin1');
  octal(100, 8, file?.mode ?? 0o644);
  octal(108, 8, within(file?.uid, OCTAL_7));
  octal(116, 8, within(file?.gid, OCTAL_7));
  octal(124, 12, within(size, OCTAL_11));
  octal(136, 12, within(file?.mtime.seconds, OCTAL_11));
  block.write('        ', 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write(link.slice(0, 100), 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  octal(329, 8, file?.major ?? 0);
  octal(337, 8, file?.minor ?? 0);
  block.write(prefix, 345, 'latin1');
  let sum = 0;
  for (let at = 0; at < BLOCK; at++) sum += block[at]!;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

const within = (value: number | undefined, most: number): number =>
  value === undefined || value < 0 || value > most ? 0 : value;
