/** Writes what the real encoders write as the first inputs of each fuzzer: seeds.ts FOLDER makes FOLDER/{program,session,control,unpack}. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type UnpackRecord, unpackerOf } from '../../engine/launcher/unpack.ts';
import { encodeProgram } from '../../engine/launcher/wire.ts';
import { encodeSpec } from '../../engine/supervise/encode-spec.ts';
import { ALL_SAMPLES, sampleSpec } from '../unit/launcher/sample-ops.ts';

export const FUZZERS = ['program', 'session', 'control', 'unpack'] as const;
export type Fuzzer = (typeof FUZZERS)[number];

const spec = sampleSpec(ALL_SAMPLES.filter(({ op }) => op !== 'pack' && op !== 'unpack'));

/** As launcher.ts frames a request: length, id, kind, payload. */
const request = (id: number, kind: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(payload.length + 8, 0);
  head.writeUInt32LE(id, 4);
  head.writeUInt32LE(kind, 8);
  return Buffer.concat([head, payload]);
};

/** As control.ts encodes one. */
const command = (kind: number, a = 0, b = 0n): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(kind, 0);
  bytes.writeInt32LE(a, 4);
  bytes.writeBigInt64LE(b, 8);
  return bytes;
};
/** A step of control.c's script: what happens, to whom, and its bytes. */
const step = (event: number, who = 0, bytes: Uint8Array = Buffer.alloc(0)): Buffer =>
  Buffer.concat([Buffer.from([event, who, bytes.length]), bytes]);
const EVENT = { config: 0, connect: 1, send: 2, close: 3, report: 4, exit: 5, print: 6, wait: 7, take: 8, end: 9 };
const REPORT_EXEC = Buffer.from(Uint32Array.of(6, 2, 0, 0).buffer);

const controlScripts = (): Buffer[] => {
  const started = [step(EVENT.report, 0, REPORT_EXEC), step(EVENT.report, 2)];
  const client = (...requests: Buffer[]) => [
    step(EVENT.connect),
    ...requests.map((bytes) => step(EVENT.send, 0, bytes)),
  ];
  const scripts = [1, 2, 3, 4, 5, 6, 7].map((kind) => [
    step(EVENT.config, kind),
    ...started,
    ...client(command(3), command(kind, kind === 5 ? 1 : 15, 100n)),
    step(EVENT.print, 0, Buffer.from('a line\nhalf')),
    step(EVENT.wait, 200),
    step(EVENT.exit, 0),
    step(EVENT.end),
    step(EVENT.wait, 255),
    ...started,
    step(EVENT.take, 0),
    step(EVENT.close, 0),
    step(EVENT.exit, 9),
  ]);
  return scripts.map((steps) => Buffer.concat(steps));
};

const plain = {
  link: '',
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: { seconds: 1, nanoseconds: 2 },
  major: 0,
  minor: 0,
  size: 0,
  stored: 0,
  segments: [],
  xattrs: [],
};
const RECORDS: readonly (UnpackRecord & { data?: string })[] = [
  { ...plain, kind: 'd', path: '' },
  { ...plain, kind: 'd', path: 'a' },
  { ...plain, kind: 'f', path: 'a/f', size: 5, stored: 5, data: 'hello', xattrs: [['user.x', Buffer.from('y')]] },
  { ...plain, kind: 'f', path: 'deep/er/sparse', size: 9000, stored: 4, segments: [[4096, 4]], data: 'hole' },
  { ...plain, kind: 'l', path: 'up', link: '../../..' },
  { ...plain, kind: 'f', path: 'up/x', size: 1, stored: 1, data: 'x' },
  { ...plain, kind: 'h', path: 'b', link: 'a/f' },
  { ...plain, kind: 'm', path: 'b', mode: 0o4711, xattrs: [['user.x', Buffer.from('z')]] },
  { ...plain, kind: 'm', path: 'up' },
  { ...plain, kind: 'p', path: 'pipe' },
  { ...plain, kind: 'w', path: 'a/gone' },
  { ...plain, kind: 'o', path: 'a' },
  { ...plain, kind: 'd', path: 'pipe' },
];

/** The bytes that the real writer puts on the launcher's standard input. */
async function recordBytes(records: readonly (UnpackRecord & { data?: string })[]): Promise<Buffer> {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const chunks: Buffer[] = [];
  stdin.on('data', (chunk: Buffer) => chunks.push(chunk));
  const child = Object.assign(new PassThrough(), { stdin, stdout });
  stdin.on('end', () => child.emit('close', 0, null));
  const unpacker = unpackerOf(child as never);
  for (const { data, ...record } of records) {
    await unpacker.put(record);
    if (data !== undefined) await unpacker.data(Buffer.from(data));
  }
  await unpacker.finish();
  return Buffer.concat(chunks);
}

/** Inputs that once broke something, as hexadecimal text: regressions/FUZZER-*.hex. */
const regressions = (fuzzer: Fuzzer, from: string): Buffer[] =>
  readdirSync(from)
    .filter((name) => name.startsWith(`${fuzzer}-`))
    .map((name) => Buffer.from(readFileSync(join(from, name), 'utf8').replace(/\s/g, ''), 'hex'));

export async function seedsOf(fuzzer: Fuzzer): Promise<Buffer[]> {
  const programs = [...ALL_SAMPLES.map((op) => encodeProgram([op])), encodeProgram(ALL_SAMPLES)];
  switch (fuzzer) {
    case 'program':
      return [...programs, encodeSpec(spec)];
    case 'session':
      return [
        Buffer.concat(programs.slice(0, 5).map((program, i) => request(i, 1, program))),
        request(1, 2, Buffer.from('/x')),
        Buffer.concat([
          request(1, 3, Buffer.from('/x')),
          request(2, 4, Buffer.from('/')),
          request(3, 5, Buffer.alloc(4, 1)),
        ]),
      ];
    case 'control':
      return controlScripts();
    case 'unpack':
      return [
        await recordBytes(RECORDS),
        ...(await Promise.all(RECORDS.map((record) => recordBytes([record])))),
      ].flatMap((bytes) => [0, 1, 2].map((wishes) => Buffer.concat([Buffer.from([wishes]), bytes])));
  }
}

/** Paths of the files. */
export async function writeSeeds(fuzzer: Fuzzer, folder: string, regressionFolder: string): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const all = [...(await seedsOf(fuzzer)), ...regressions(fuzzer, regressionFolder)];
  return all.map((bytes, i) => {
    const path = join(folder, `seed-${i}`);
    writeFileSync(path, bytes);
    return path;
  });
}

const [folder, from] = process.argv.slice(2);
if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1] && folder)
  for (const fuzzer of FUZZERS)
    await writeSeeds(
      fuzzer,
      join(folder, fuzzer),
      from ?? join(dirname(fileURLToPath(import.meta.url)), 'regressions'),
    );
