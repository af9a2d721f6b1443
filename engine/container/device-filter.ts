/** Which devices a container may open: Docker's list, as eBPF where version 2 is mounted, else as lines of version 1's controller. */
import type { LaunchOp, Slot } from '../launcher/ops.ts';
import type { CgroupPlan } from './cgroup.ts';

interface DeviceRule {
  readonly type: 'c' | 'b';
  /** '*' is any. */
  readonly major: number | '*';
  readonly minor: number | '*';
  readonly access: string;
}

const any = (type: 'c' | 'b', access: string): DeviceRule => ({ type, major: '*', minor: '*', access });
const char = (major: number, minor: number | '*'): DeviceRule => ({ type: 'c', major, minor, access: 'rwm' });

/** Making any node is allowed, opening it is not: null, zero, full, random, urandom, tty, console, ptmx, pts, tun. */
const ALLOWED: readonly DeviceRule[] = [
  any('c', 'm'),
  any('b', 'm'),
  char(1, 3),
  char(1, 5),
  char(1, 7),
  char(1, 8),
  char(1, 9),
  char(5, 0),
  char(5, 1),
  char(5, 2),
  char(136, '*'),
  char(10, 200),
];

export function deviceFilter(cgroup: CgroupPlan, slot: Slot): readonly LaunchOp[] {
  if (cgroup.unified !== undefined) return [{ op: 'device-filter', cgroup: slot, program: deviceProgram(ALLOWED) }];
  const folder = cgroup.folders.find((folder) => folder.includes('/devices/'));
  if (folder === undefined) return [];
  const line = ({ type, major, minor, access }: DeviceRule) => `${type} ${major}:${minor} ${access}`;
  return [
    { op: 'write', path: `${folder}/devices.deny`, data: 'a' },
    ...ALLOWED.map((rule): LaunchOp => ({ op: 'write', path: `${folder}/devices.allow`, data: line(rule) })),
  ];
}

// linux/bpf.h: struct bpf_insn {code, dst:4 src:4, off16, imm32}
const LOAD_WORD = 0x61;
const MOVE_REGISTER = 0xbf;
const MOVE = 0xb7;
const AND32 = 0x54;
const SHIFT_RIGHT32 = 0x74;
const JUMP_NOT_EQUAL = 0x55;
const JUMP_NOT_EQUAL_REGISTER = 0x5d;
const EXIT = 0x95;
const TYPES = { b: 1, c: 2 };
const ACCESS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };

/** The context is three words: type and access, major, minor. Registers: r2 type, r3 access, r4 major, r5 minor, r1 scratch. */
export function deviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  const instructions = [
    word(LOAD_WORD, 2, 1, 0, 0),
    word(AND32, 2, 0, 0, 0xffff),
    word(LOAD_WORD, 3, 1, 0, 0),
    word(SHIFT_RIGHT32, 3, 0, 0, 16),
    word(LOAD_WORD, 4, 1, 4, 0),
    word(LOAD_WORD, 5, 1, 8, 0),
    ...rules.flatMap(ruleBlock),
    word(MOVE, 0, 0, 0, 0),
    word(EXIT, 0, 0, 0, 0),
  ];
  return Uint8Array.from(instructions.flatMap((bytes) => [...bytes]));
}

/** Whatever does not match jumps behind the block; what does is allowed. */
function ruleBlock({ type, major, minor, access }: DeviceRule): readonly Uint8Array[] {
  const mask = [...access].reduce((sum, letter) => sum | (ACCESS[letter] ?? 0), 0);
  const tests: ((skip: number) => Uint8Array)[] = [(skip) => word(JUMP_NOT_EQUAL, 2, 0, skip, TYPES[type])];
  if (mask !== 7) {
    // Asked for is a subset of what is allowed: (access & mask) == access.
    tests.push(
      () => word(MOVE_REGISTER, 1, 3, 0, 0),
      () => word(AND32, 1, 0, 0, mask),
      (skip) => word(JUMP_NOT_EQUAL_REGISTER, 1, 3, skip, 0),
    );
  }
  if (major !== '*') tests.push((skip) => word(JUMP_NOT_EQUAL, 4, 0, skip, major));
  if (minor !== '*') tests.push((skip) => word(JUMP_NOT_EQUAL, 5, 0, skip, minor));
  const verdict = [word(MOVE, 0, 0, 0, 1), word(EXIT, 0, 0, 0, 0)];
  return [...tests.map((test, index) => test(tests.length - index - 1 + verdict.length)), ...verdict];
}

function word(code: number, target: number, source: number, offset: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, code);
  view.setUint8(1, (source << 4) | target);
  view.setInt16(2, offset, true);
  view.setInt32(4, value, true);
  return bytes;
}
