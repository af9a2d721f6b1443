/** What the launcher's `pack` writes (engine/launcher/pack.c), read record by record, with its data as it comes. */
import type { Readable } from 'node:stream';
import { getSystemErrorName } from 'node:util';
import { TcomposeError } from '../../src/model/errors.ts';
import { ByteReader } from '../image/byte-reader.ts';
import type { UnpackKind, UnpackRecord } from '../launcher/unpack.ts';

/** `path` is relative to what was packed: '' is that itself. Hard links name the path where the file came first. */
export interface PackedFile extends UnpackRecord {
  /** To be read before the next one; what is left is skipped. */
  data(): AsyncGenerator<Buffer>;
}

export interface RecordStream extends AsyncIterable<PackedFile> {
  /** Ends it early; never throws. */
  close(): Promise<void>;
}

interface Source {
  failure(): Promise<Error | undefined>;
  close(): Promise<void>;
}

const HEAD_BYTES = 72;

export function readRecords(stream: Readable, source: Source): RecordStream {
  return { [Symbol.asyncIterator]: () => records(new ByteReader(stream), source), close: source.close };
}

async function* records(reader: ByteReader, source: Source): AsyncGenerator<PackedFile> {
  try {
    for (;;) {
      const head = await reader.exactly(HEAD_BYTES);
      if (head.length < HEAD_BYTES) throw (await source.failure()) ?? lost();
      const rest = await reader.exactly(head.readUInt32LE(0) - HEAD_BYTES);
      const record = parse(head, rest);
      const kind = String.fromCharCode(head.readUInt32LE(4));
      if (kind === 'e') return;
      if (kind === 'x') throw failed(record);
      let left = record.stored;
      const data = async function* () {
        while (left > 0) {
          const part = await reader.some(Math.min(left, 1 << 20));
          if (part.length === 0) throw lost();
          left -= part.length;
          yield part;
        }
      };
      yield { ...record, data };
      for await (const _ of data());
    }
  } finally {
    await source.close();
  }
}

function parse(head: Buffer, rest: Buffer): UnpackRecord {
  const [pathLength, linkLength, xattrsLength, count] = [56, 60, 64, 68].map((at) => head.readUInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ];
  const linkAt = pathLength + 1;
  const xattrsAt = linkAt + linkLength + 1;
  const segmentsAt = xattrsAt + xattrsLength;
  return {
    kind: String.fromCharCode(head.readUInt32LE(4)) as UnpackKind,
    mode: head.readUInt32LE(8),
    uid: head.readUInt32LE(12),
    gid: head.readUInt32LE(16),
    mtime: { seconds: Number(head.readBigInt64LE(24)), nanoseconds: head.readUInt32LE(20) },
    major: head.readUInt32LE(32),
    minor: head.readUInt32LE(36),
    size: Number(head.readBigUInt64LE(40)),
    stored: Number(head.readBigUInt64LE(48)),
    path: rest.toString('latin1', 0, pathLength),
    link: rest.toString('latin1', linkAt, linkAt + linkLength),
    xattrs: xattrsOf(rest.subarray(xattrsAt, segmentsAt)),
    segments: Array.from({ length: count }, (_, index) => {
      const at = segmentsAt + index * 16;
      return [Number(rest.readBigUInt64LE(at)), Number(rest.readBigUInt64LE(at + 8))] as const;
    }),
  };
}

function xattrsOf(bytes: Buffer): UnpackRecord['xattrs'] {
  const found: [string, Buffer][] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const [nameLength, valueLength] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    const valueAt = at + 8 + nameLength;
    found.push([
      bytes.toString('latin1', at + 8, valueAt - 1),
      Buffer.from(bytes.subarray(valueAt, valueAt + valueLength)),
    ]);
    at = valueAt + valueLength;
  }
  return found;
}

const utf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString();

function failed({ mode: errno, path, link: step }: UnpackRecord): TcomposeError {
  const name = getSystemErrorName(-errno);
  if (step === 'changed')
    return new TcomposeError(`${JSON.stringify(utf8(path))} changed while it was read`, {
      code: 'unreadable-file',
      help: 'try again when nothing writes to it',
    });
  return Object.assign(
    new TcomposeError(`cannot read ${JSON.stringify(utf8(path))}: ${step} failed with ${name}`, {
      code: 'unreadable-file',
    }),
    { errno: name },
  );
}

const lost = (): TcomposeError =>
  new TcomposeError('reading files ended early: the launcher was killed', { code: 'launch-failed' });
