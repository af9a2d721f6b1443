/** The other end of unpack.c: turns entries of a layer into its records, with back-pressure, and its failure into words. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { getSystemErrorName } from 'node:util';

/** d folder, f file, l symlink, h hard link, c/b devices, p fifo, w whiteout, o opaque folder, t the time of a folder that is there, m what is there gets these attributes. */
export type UnpackKind = 'd' | 'f' | 'l' | 'h' | 'c' | 'b' | 'p' | 'w' | 'o' | 't' | 'm';

/** What archives, records and folders say of a file alike. */
export interface FileFacts {
  /** Raw bytes as latin1 text. */
  readonly path: string;
  readonly link: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: { readonly seconds: number; readonly nanoseconds: number };
  readonly major: number;
  readonly minor: number;
  /** As it will be; more than `stored` when it has holes. */
  readonly size: number;
  /** Bytes of data that there are. */
  readonly stored: number;
}

/** Paths are relative, without empty or dot components; '' is the layer's own folder. */
export interface UnpackRecord extends FileFacts {
  readonly kind: UnpackKind;
  readonly segments: readonly (readonly [number, number])[];
  readonly xattrs: readonly (readonly [string, Buffer])[];
}

/** `step` is a word of unpack.c; `errno` the name of the error, ENOSPC for example. */
export class UnpackFailure extends Error {
  readonly step: string;
  readonly errno: string;
  readonly path: string;
  constructor(step: string, errno: string, path: string) {
    super(`${step} ${path}: ${errno}`);
    this.step = step;
    this.errno = errno;
    this.path = path;
  }
}

export interface Unpacker {
  /** A promise only where the caller has to wait. The data of a file (`stored` bytes) follows by `data`. */
  put(record: UnpackRecord): Promise<void> | undefined;
  data(chunk: Buffer): Promise<void> | undefined;
  /** Resolves when everything is made; on the disk it is after a sync. */
  finish(): Promise<void>;
  /** Ends it without finishing; never throws. */
  abort(): Promise<void>;
}

const HEAD_BYTES = 72;
const BATCH_BYTES = 256 * 1024;
/** Larger pieces are written as they are: copying them into a batch costs more than the system call. */
const DIRECT_BYTES = 32 * 1024;
const SECONDS_MAX = 2 ** 40;

/** The fixed part of a record, as `struct head` of unpack.c. Returns where it ends. */
const writeHead = (
  to: Buffer,
  at: number,
  kind: string,
  record: Omit<UnpackRecord, 'kind'>,
  length: number,
  xattrsLength: number,
): number => {
  const seconds = Math.max(-SECONDS_MAX, Math.min(SECONDS_MAX, record.mtime.seconds));
  to.writeUInt32LE(length, at);
  to.writeUInt32LE(kind.charCodeAt(0), at + 4);
  to.writeUInt32LE(record.mode, at + 8);
  to.writeUInt32LE(record.uid, at + 12);
  to.writeUInt32LE(record.gid, at + 16);
  to.writeUInt32LE(record.mtime.nanoseconds, at + 20);
  to.writeBigInt64LE(BigInt(seconds), at + 24);
  to.writeUInt32LE(record.major, at + 32);
  to.writeUInt32LE(record.minor, at + 36);
  to.writeBigUInt64LE(BigInt(record.size), at + 40);
  to.writeBigUInt64LE(BigInt(record.stored), at + 48);
  to.writeUInt32LE(record.path.length, at + 56);
  to.writeUInt32LE(record.link.length, at + 60);
  to.writeUInt32LE(xattrsLength, at + 64);
  to.writeUInt32LE(record.segments.length, at + 68);
  return at + HEAD_BYTES;
};

const writeText = (to: Buffer, at: number, text: string): number => {
  to.write(text, at, 'latin1');
  to[at + text.length] = 0;
  return at + text.length + 1;
};

const xattrBytes = (record: Omit<UnpackRecord, 'kind'>): number =>
  record.xattrs.reduce((sum, [name, value]) => sum + 8 + name.length + 1 + value.length, 0);

const recordBytes = (record: Omit<UnpackRecord, 'kind'>, xattrsLength: number): number =>
  HEAD_BYTES + record.path.length + 1 + record.link.length + 1 + xattrsLength + record.segments.length * 16;

const writeRecord = (
  to: Buffer,
  start: number,
  kind: string,
  record: Omit<UnpackRecord, 'kind'>,
  length: number,
  xattrsLength: number,
): void => {
  let at = writeHead(to, start, kind, record, length, xattrsLength);
  at = writeText(to, at, record.path);
  at = writeText(to, at, record.link);
  for (const [name, value] of record.xattrs) {
    to.writeUInt32LE(name.length + 1, at);
    to.writeUInt32LE(value.length, at + 4);
    at = writeText(to, at + 8, name);
    at += value.copy(to, at);
  }
  for (const [offset, bytes] of record.segments) {
    to.writeBigUInt64LE(BigInt(offset), at);
    to.writeBigUInt64LE(BigInt(bytes), at + 8);
    at += 16;
  }
};

/** Of a record that says all by its kind and path. */
export const NOTHING: Omit<UnpackRecord, 'kind'> = {
  path: '',
  link: '',
  mode: 0,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  major: 0,
  minor: 0,
  size: 0,
  stored: 0,
  segments: [],
  xattrs: [],
};

/** What the launcher said on its way out. */
const failureOf = (report: Buffer, code: number | null, signal: string | null): UnpackFailure => {
  const parts = /^(\d+) (\S+) ([\s\S]*)$/.exec(report.toString('latin1'));
  if (parts === null) return new UnpackFailure('launcher', signal ?? `exit code ${code}`, '');
  return new UnpackFailure(
    parts[2]!,
    getSystemErrorName(-Number(parts[1])),
    Buffer.from(parts[3]!, 'latin1').toString(),
  );
};

/** Resolves with undefined on success, else with the failure: whoever writes looks at it when a write fails. */
const endOf = async (child: ChildProcess): Promise<UnpackFailure | Error | undefined> => {
  const report: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => report.push(chunk));
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    return code === 0 ? undefined : failureOf(Buffer.concat(report), code, signal);
  } catch (error) {
    return error as Error;
  }
};

/** Unpacks into `folder`, which exists and is empty. `kept`: a folder to be made for files that later ones replace; absent: they are removed. */
export const startUnpacker = (launcher: string, folder: string, kept?: string): Unpacker =>
  unpackerOf(
    spawn(launcher, ['unpack', folder, ...(kept === undefined ? [] : [kept])], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {},
    }),
  );

type Failure = UnpackFailure | Error;

/** Of a launcher that reads records on its standard input. `explain` may know better why it failed. */
export const unpackerOf = (
  child: ChildProcess,
  explain: (failure: Failure) => Promise<Failure> = async (failure) => failure,
): Unpacker => {
  const stdin = child.stdin!;
  const end = endOf(child).then((failure) => (failure === undefined ? undefined : explain(failure)));
  let batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
  let filled = 0;
  stdin.on('error', () => undefined); // EPIPE: the reason comes with the exit

  /** Waits for room; an early exit of the launcher ends the wait, and is the failure. */
  const send = async (bytes: Buffer): Promise<void> => {
    if (stdin.destroyed || stdin.errored !== null) throw (await end) ?? new UnpackFailure('launcher', 'EPIPE', '');
    if (stdin.write(bytes)) return;
    const failure = await Promise.race([
      new Promise<undefined>((resolve) => stdin.once('drain', () => resolve(undefined))),
      end,
    ]);
    if (failure !== undefined) throw failure;
  };
  const flush = async (): Promise<void> => {
    const full = batch.subarray(0, filled);
    batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
    filled = 0;
    await send(full);
  };
  const put = (kind: string, record: Omit<UnpackRecord, 'kind'>): Promise<void> | undefined => {
    const xattrsLength = xattrBytes(record);
    const length = recordBytes(record, xattrsLength);
    const place = (): void => {
      writeRecord(batch, filled, kind, record, length, xattrsLength);
      filled += length;
    };
    if (filled + length <= BATCH_BYTES) return void place();
    if (length <= BATCH_BYTES) return flush().then(place);
    const large = Buffer.allocUnsafeSlow(length);
    writeRecord(large, 0, kind, record, length, xattrsLength);
    return flush().then(() => send(large));
  };
  return {
    put: (record) => put(record.kind, record),
    data(chunk) {
      if (chunk.length >= DIRECT_BYTES) return filled > 0 ? flush().then(() => send(chunk)) : send(chunk);
      const place = (): void => {
        filled += chunk.copy(batch, filled);
      };
      return filled + chunk.length <= BATCH_BYTES ? void place() : flush().then(place);
    },
    async finish() {
      await put('e', NOTHING);
      await flush();
      stdin.end();
      const failure = await end;
      if (failure !== undefined) throw failure;
    },
    async abort() {
      stdin.destroy();
      await end;
    },
  };
};
