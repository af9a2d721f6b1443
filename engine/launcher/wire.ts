/** Programs as bytes: a record for each operation, of its name and its fields in the order of the launcher's tables (ops_*.c). */
import type { LaunchOp, LaunchOpName } from './ops.ts';

/** "Not given", where every other number has a meaning (launcher.h, NO_NUMBER). */
const ABSENT = 0xffff_ffff_ffff_ffffn;

const viewOf = ({ buffer, byteOffset, length }: Buffer) => new DataView(buffer, byteOffset, length);

/** Little-endian numbers, strings and bytes after their length, lists after their count; strings end in NUL, so that C can use them in place. */
export class WireWriter {
  // What a container is started with is some twenty kilobytes.
  #bytes = Buffer.allocUnsafe(32_768);
  #view = viewOf(this.#bytes);
  #used = 0;

  #reserve(length: number): number {
    if (this.#used + length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe((this.#used + length) * 2);
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
      this.#view = viewOf(larger);
    }
    const at = this.#used;
    this.#used += length;
    return at;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  number(value: number | bigint | undefined, absent: bigint = ABSENT): this {
    const at = this.#reserve(8);
    // Most are small; making each a BigInt first takes longer than all else here.
    if (typeof value === 'number' && value >= 0 && value <= 0xffff_ffff && Number.isInteger(value)) {
      this.#view.setUint32(at, value, true);
      this.#view.setUint32(at + 4, 0, true);
    } else this.#view.setBigUint64(at, BigInt.asUintN(64, value === undefined ? absent : BigInt(value)), true);
    return this;
  }

  flag(value: boolean | undefined): this {
    return this.number(value ? 1 : 0);
  }

  string(text: string): this {
    if (text.includes('\0')) throw new RangeError(`a NUL in ${JSON.stringify(text)}`);
    const length = Buffer.byteLength(text);
    this.u32(length);
    const at = this.#reserve(length + 1);
    this.#bytes.write(text, at);
    this.#bytes[at + length] = 0;
    return this;
  }

  bytes(data: Uint8Array): this {
    this.u32(data.length);
    const at = this.#reserve(data.length);
    this.#bytes.set(data, at);
    return this;
  }

  strings(list: readonly string[]): this {
    this.u32(list.length);
    for (const text of list) this.string(text);
    return this;
  }

  numbers(list: readonly number[]): this {
    this.u32(list.length);
    for (const value of list) this.number(value);
    return this;
  }

  /** What `write` writes, after its length. */
  block(write: (writer: WireWriter) => void): this {
    const at = this.#reserve(4);
    write(this);
    this.#view.setUint32(at, this.#used - at - 4, true);
    return this;
  }

  end(): Buffer {
    return this.#bytes.subarray(0, this.#used);
  }
}

type Encoders = { [Name in LaunchOpName]: (op: Extract<LaunchOp, { op: Name }>, writer: WireWriter) => void };

const encoders: Encoders = {
  open: (op, w) => w.number(op.slot).string(op.path).number(op.flags).number(op.mode, 0n),
  'open-in': (op, w) => w.number(op.slot).number(op.root).string(op.inside).number(op.flags).number(op.mode, 0n),
  close: (op, w) => w.number(op.slot),
  mkdir: (op, w) => w.string(op.path).number(op.mode).flag(op.existsOk),
  write: (op, w) => w.string(op.path).bytes(Buffer.from(op.data)).flag(op.optional),
  'mkdir-in': (op, w) =>
    w.number(op.root).string(op.inside).number(op.mode).number(op.uid).number(op.gid).flag(op.parents),
  'point-in': (op, w) => w.number(op.root).string(op.inside).number(op.like),
  'touch-in': (op, w) => w.number(op.root).string(op.inside).number(op.mode).flag(op.parents),
  'mknod-in': (op, w) =>
    w.number(op.root).string(op.inside).number(op.mode).number(op.major).number(op.minor).number(op.uid).number(op.gid),
  'symlink-in': (op, w) => w.number(op.root).string(op.inside).string(op.target).flag(op.existsOk),
  'read-in': (op, w) => w.number(op.root).string(op.inside).number(op.maxBytes),
  'look-in': (op, w) => w.number(op.root).string(op.inside),
  pack: (op, w) => w.number(op.root).string(op.inside).number(op.flags),
  'read-files': (op, w) => w.number(op.root),
  unpack: (op, w) => w.number(op.root).number(op.flags),
  unshare: (op, w) => w.number(op.flags).number(op.user),
  'user-namespace': (op, w) => w.number(op.slot).string(op.uids).string(op.gids),
  'take-user': (op, w) => w.number(op.slot),
  join: (op, w) => w.number(op.pid).string(op.startTime).number(op.flags),
  'join-container': (op, w) => w.string(op.state).number(op.flags),
  'join-path': (op, w) => w.string(op.path).number(op.flags),
  clone: (op, w) => w.number(op.flags).number(op.cgroup),
  mount: (op, w) =>
    w
      .string(op.source)
      .string(op.path)
      .string(op.type)
      .number(op.flags)
      .string(op.data ?? ''),
  'mount-in': (op, w) =>
    w
      .number(op.root)
      .string(op.source)
      .string(op.inside)
      .string(op.type)
      .number(op.flags)
      .string(op.data ?? '')
      .flag(op.optional),
  'bind-in': (op, w) =>
    w
      .number(op.root)
      .string(op.source)
      .number(op.sourceRoot)
      .string(op.sourceInside ?? '')
      .string(op.inside)
      .flag(op.recursive)
      .number(op.attributes)
      .number(op.propagation)
      .number(op.shallow, 0n)
      .flag(op.optional)
      .number(op.user),
  'take-tree': (op, w) =>
    w
      .number(op.slot)
      .string(op.source)
      .number(op.sourceRoot)
      .string(op.sourceInside ?? '')
      .flag(op.recursive)
      .number(op.user),
  'take-tmpfs': (op, w) => w.number(op.slot).string(op.inside),
  'attach-in': (op, w) =>
    w
      .number(op.slot)
      .number(op.root)
      .string(op.inside)
      .flag(op.recursive)
      .number(op.attributes, 0n)
      .number(op.propagation, 0n)
      .number(op.shallow, 0n),
  'mask-in': (op, w) => w.number(op.root).string(op.inside),
  'readonly-in': (op, w) => w.number(op.root).string(op.inside),
  'remount-root': (op, w) => w.number(op.attributes),
  umount: (op, w) => w.string(op.path).number(op.flags),
  pivot: (op, w) => w.number(op.root),
  'netlink-open': (op, w) => w.number(op.slot).number(op.protocol ?? 0),
  netlink: (op, w) =>
    w
      .number(op.slot)
      .bytes(op.message)
      .numbers(op.ignore ?? [])
      .numbers(op.outlast ?? []),
  hostname: (op, w) => w.string(op.name),
  domainname: (op, w) => w.string(op.name),
  rlimit: (op, w) => w.number(op.resource).number(op.soft).number(op.hard).flag(op.clamp),
  'raise-rlimit': (op, w) => w.number(op.resource).number(op.hard),
  umask: (op, w) => w.number(op.mask),
  chdir: (op, w) => w.string(op.inside).flag(op.create),
  setsid: (op, w) => w.flag(op.terminal),
  keyring: () => {},
  'own-streams': (op, w) => w.number(op.uid),
  console: (op, w) => w.number(op.root).flag(op.bind),
  'set-ids': (op, w) => w.number(op.uid).number(op.gid).numbers(op.groups),
  'fs-ids': (op, w) => w.number(op.uid).number(op.gid),
  bounding: (op, w) => w.number(op.mask),
  capabilities: (op, w) => w.number(op.effective).number(op.permitted).number(op.inheritable).number(op.ambient),
  prctl: (op, w) => w.number(op.option).number(op.arg2).number(op.arg3, 0n),
  seccomp: (op, w) => w.bytes(op.filter).number(op.flags),
  'device-filter': (op, w) => w.number(op.cgroup).bytes(op.program),
  capture: (op, w) => w.strings(op.argv).strings(op.env).bytes(op.input),
  find: (op, w) => w.string(op.program).strings(op.env),
  exec: (op, w) => w.strings(op.argv).strings(op.env),
};

const encodeOp = <Name extends LaunchOpName>(op: Extract<LaunchOp, { op: Name }>, writer: WireWriter): void =>
  (encoders[op.op] as unknown as (op: LaunchOp, writer: WireWriter) => void)(op, writer.string(op.op));

export const writeProgram = (ops: readonly LaunchOp[], writer: WireWriter): void => {
  for (const op of ops) writer.block((record) => encodeOp(op, record));
};

export const encodeProgram = (ops: readonly LaunchOp[]): Buffer => {
  const writer = new WireWriter();
  writeProgram(ops, writer);
  return writer.end();
};
