/** A session with the C launcher: one process for a run of the CLI, started when it is first needed, many requests in flight. */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { TcomposeError } from '../../src/model/errors.ts';
import { SECTIONS, type Section } from '../supervise/spec.ts';
import { errnoName } from './errno.ts';
import { explain } from './explanations.ts';
import type { LaunchOp } from './ops.ts';
import { encodeProgram } from './wire.ts';

export interface Launcher {
  /** Runs a program in a forked child; resolves when it has come to its end, or to its exec. */
  run(ops: readonly LaunchOp[]): Promise<RunResult>;
  /**
   * Starts the supervisor of RUNDIR/program; resolves when the container's exec has succeeded. `ops` are the spec's, for the
   * explanation of a failure. The supervisor stays when the session ends.
   */
  supervise(runDir: string, ops?: SectionOps): Promise<LaunchWarning[]>;
  /**
   * flock(2), exclusive, held by the session: it ends with it, and that ends when this process has and all it asked for is done. A folder
   * that exists is waited for; a file is made, and not waited for: undefined when somebody has it. The file is gone after `release`.
   */
  lock(kind: 'folder', path: string): Promise<HeldLock>;
  lock(kind: 'file', path: string): Promise<HeldLock | undefined>;
  close(): Promise<void>;
}

export interface HeldLock {
  release(): void;
}

export type SectionOps = Partial<Record<Section, readonly LaunchOp[]>>;

export interface RunResult {
  /** One per `read-in`, by its index in the program: absent files have none. */
  readonly data: ReadonlyMap<number, Buffer>;
  readonly warnings: readonly LaunchWarning[];
}

/** Where a program failed, in numbers. */
export interface LaunchFailure {
  readonly section: Section;
  readonly index: number;
  readonly errno: number;
}

/** An operation marked `optional` failed. */
export interface LaunchWarning extends LaunchFailure {
  readonly message: string;
}

export class LaunchError extends TcomposeError implements LaunchFailure {
  readonly section: Section;
  readonly index: number;
  readonly errno: number;
  /** The operation, where the program is known. */
  readonly op: LaunchOp | undefined;

  constructor(failure: LaunchFailure, op: LaunchOp | undefined) {
    const { message, help } = explain(failure, op);
    super(message, { code: 'launch-failed', ...(help !== undefined && { help }) });
    this.name = 'LaunchError';
    this.section = failure.section;
    this.index = failure.index;
    this.errno = failure.errno;
    this.op = op;
  }
}

const KIND = { run: 1, supervise: 2, file: 3, folder: 4, unlock: 5 } as const;
const EAGAIN = 11;
/** report.c, enum report_kind */
const REPORT = { done: 1, failed: 2, warning: 3, data: 4, pid: 5, exec: 6 } as const;

interface Reports {
  finished: boolean;
  failure?: LaunchFailure;
  readonly data: Map<number, Buffer>;
  readonly warnings: LaunchFailure[];
}

/** A report is four numbers: kind, section, index, value; data follows its report. */
const parseReports = (bytes: Buffer): Reports => {
  const reports: Reports = { finished: false, data: new Map(), warnings: [] };
  for (let at = 0; at + 16 <= bytes.length; ) {
    const [kind, section, index, value] = [0, 4, 8, 12].map((offset) => bytes.readUInt32LE(at + offset)) as [
      number,
      number,
      number,
      number,
    ];
    at += 16;
    const failure = { section: SECTIONS[section] ?? 'program', index, errno: value };
    if (kind === REPORT.done || kind === REPORT.exec) reports.finished = true;
    else if (kind === REPORT.failed) reports.failure = failure;
    else if (kind === REPORT.warning) reports.warnings.push(failure);
    else if (kind === REPORT.data) {
      reports.data.set(index, Buffer.from(bytes.subarray(at, at + value)));
      at += value;
    }
  }
  return reports;
};

const VANISHED: LaunchFailure = { section: 'supervisor', index: 5, errno: 10 };

const settle = (bytes: Buffer, ops: SectionOps): RunResult => {
  const reports = parseReports(bytes);
  const opOf = (failure: LaunchFailure) => ops[failure.section]?.[failure.index];
  const failure = reports.failure ?? (reports.finished ? undefined : VANISHED);
  if (failure) throw new LaunchError(failure, opOf(failure));
  const warnings = reports.warnings.map((warning) => ({
    ...warning,
    message: explain(warning, opOf(warning)).message,
  }));
  return { data: reports.data, warnings };
};

interface Reply {
  /** Of its request. */
  readonly id: number;
  readonly bytes: Buffer;
}

interface Waiting {
  resolve(reply: Buffer): void;
  reject(error: Error): void;
}

/** A session that cannot begin says why by its exit code: the errno of sealing its own binary (main.c). */
const sealFailure = (errno: number): string =>
  `the launcher cannot start: this kernel does not let it seal its own binary (open_tree, mount_setattr: ${errnoName(errno)})`;

/** The process and what it still owes. Dies with its pipe: nothing is left when Node is killed. */
class Session {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #broken: Error | undefined;
  #closing = false;
  #rest: Buffer[] = [];
  #length = 0;
  #nextId = 1;

  constructor(binary: string) {
    this.#process = spawn(binary, ['serve'], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    this.#process.stdout!.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#process.stdin!.on('error', () => {}); // 'close' tells
    this.#ended = new Promise((resolve) => {
      this.#process.once('error', (cause) => this.#fail(`cannot run ${binary}`, resolve, cause));
      this.#process.once('close', (code, signal) =>
        this.#fail(code ? sealFailure(code) : `the launcher ended early (${signal ?? code})`, resolve),
      );
    });
    this.#hold(false);
  }

  /** Node may end while nothing is asked; while something is, it waits. */
  #hold(holds: boolean): void {
    const stdout = this.#process.stdout as unknown as { ref(): void; unref(): void };
    if (holds) this.#process.ref();
    else this.#process.unref();
    if (holds) stdout.ref();
    else stdout.unref();
  }

  request(kind: number, payload: Buffer): Promise<Reply> {
    if (this.#broken) return Promise.reject(this.#broken);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (bytes) => resolve({ id, bytes }), reject });
      this.#hold(true);
      this.#send(id, kind, payload);
    });
  }

  /** `id`: of the request that locked. Nobody answers. */
  unlock(id: number): void {
    if (this.#broken) return;
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(id, 0);
    this.#send(this.#nextId++, KIND.unlock, payload);
  }

  #send(id: number, kind: number, payload: Buffer): void {
    const head = Buffer.alloc(12);
    head.writeUInt32LE(payload.length + 8, 0);
    head.writeUInt32LE(id, 4);
    head.writeUInt32LE(kind, 8);
    this.#process.stdin!.write(Buffer.concat([head, payload]));
  }

  #take(chunk: Buffer): void {
    this.#rest.push(chunk);
    this.#length += chunk.length;
    if (this.#length < 4) return;
    let bytes = this.#rest.length === 1 ? chunk : Buffer.concat(this.#rest);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32LE(0)) {
      const end = 4 + bytes.readUInt32LE(0);
      const id = bytes.readUInt32LE(4);
      this.#waiting.get(id)?.resolve(bytes.subarray(8, end));
      this.#waiting.delete(id);
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes.length ? [bytes] : [];
    this.#length = bytes.length;
    if (this.#waiting.size === 0 && !this.#closing) this.#hold(false);
  }

  #fail(message: string, done: () => void, cause?: unknown): void {
    const error = new TcomposeError(message, {
      code: 'launcher-broken',
      help: 'Linux 5.12 or newer is needed, and root; npm run build builds the launcher anew',
      cause,
    });
    this.#broken = error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    done();
  }

  /** What is still under way comes to its end, and that is waited for. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#hold(true);
    this.#process.stdin!.end();
    await this.#ended;
  }
}

const lockFailed = (path: string, errno: number): TcomposeError =>
  new TcomposeError(`cannot lock ${path}: ${errnoName(errno)}`, {
    code: 'lock-failed',
    help: 'see whether the file system of the state folder supports flock',
  });

export const openLauncher = ({ binary }: { readonly binary: string }): Launcher => {
  let session: Session | undefined;
  const ask = (kind: number, payload: Buffer) => {
    session ??= new Session(binary);
    return session.request(kind, payload);
  };
  const lock = async (kind: 'file' | 'folder', path: string): Promise<HeldLock | undefined> => {
    const { id, bytes } = await ask(KIND[kind], Buffer.from(path));
    const { failure = VANISHED, finished } = parseReports(bytes);
    if (!finished && failure.errno === EAGAIN) return undefined;
    if (!finished) throw lockFailed(path, failure.errno);
    const holder = session;
    return {
      release: () => {
        if (kind === 'file') rmSync(path, { force: true });
        holder?.unlock(id);
      },
    };
  };
  return {
    run: async (ops) => settle((await ask(KIND.run, encodeProgram(ops))).bytes, { program: ops }),
    supervise: async (runDir, ops = {}) => {
      return [...settle((await ask(KIND.supervise, Buffer.from(runDir))).bytes, ops).warnings];
    },
    lock: lock as Launcher['lock'],
    close: async () => {
      const open = session;
      session = undefined;
      await open?.close();
    },
  };
};
