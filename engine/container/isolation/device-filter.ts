/** Which devices a container may open: Docker's list, as eBPF where version 2 is mounted, else as lines of version 1's controller. */
import { TcomposeError } from '../../../src/model/errors.ts';
import type { LaunchOp, Slot } from '../../launcher/ops.ts';
import type { CgroupPlan } from '../resources/cgroup.ts';

export interface DeviceRule {
  readonly type: 'c' | 'b';
  /** '*' is any. */
  readonly major: number | '*';
  readonly minor: number | '*';
  /** Of `rwm`. */
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

/** As `device_cgroup_rules` has them: `c 1:3 mr`. `a` stands for both types. */
export function parseDeviceRule(text: string): readonly DeviceRule[] {
  const [, type, major, minor, access] =
    /^([acb]) ([0-9]{1,10}|\*):([0-9]{1,10}|\*) ([rwm]{1,3})$/.exec(text.trim()) ?? [];
  if (type === undefined || [major, minor].some((number) => Number(number) > LARGEST)) {
    throw new TcomposeError(`the device rule "${text}" is not of the form that is needed`, {
      code: 'device-rule-invalid',
      help: 'write type, numbers and access:\n    c 1:3 rwm',
    });
  }
  const number = (digits: string): number | '*' => (digits === '*' ? '*' : Number(digits));
  const types: readonly DeviceRule['type'][] = type === 'a' ? ['c', 'b'] : [type as DeviceRule['type']];
  return types.map((type) => ({ type, major: number(major!), minor: number(minor!), access: access! }));
}

/** Beyond it a comparison in the filter would be with a negative number; the kernel's own numbers are far smaller. */
const LARGEST = 2 ** 31 - 1;

/** `granted`: beside the default rules. */
export function deviceFilter(cgroup: CgroupPlan, slot: Slot, granted: readonly DeviceRule[] = []): readonly LaunchOp[] {
  const rules = [...ALLOWED, ...granted];
  if (cgroup.unified !== undefined) return [{ op: 'device-filter', cgroup: slot, program: deviceProgramOnce(rules) }];
  const folder = cgroup.folders.find((folder) => folder.includes('/devices/'));
  if (folder === undefined) return [];
  const line = ({ type, major, minor, access }: DeviceRule) => `${type} ${major}:${minor} ${access}`;
  return [
    { op: 'write', path: `${folder}/devices.deny`, data: 'a' },
    ...rules.map((rule): LaunchOp => ({ op: 'write', path: `${folder}/devices.allow`, data: line(rule) })),
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

const made = new Map<string, Uint8Array>();

/** Of many containers that are started at once, most have the same rules. */
function deviceProgramOnce(rules: readonly DeviceRule[]): Uint8Array {
  const key = JSON.stringify(rules);
  const program = made.get(key) ?? deviceProgram(rules);
  made.set(key, program);
  return program;
}

/** The verifier refuses a program whose end cannot be reached, so what allows every device of both types does not stand before others. */
export function deviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  const isAll = (type: DeviceRule['type']) =>
    rules.some((rule) => rule.type === type && rule.major === '*' && rule.minor === '*' && maskOf(rule.access) === 7);
  const verdict = isAll('c') && isAll('b') ? [word(MOVE, 0, 0, 0, 1), word(EXIT, 0, 0, 0, 0)] : decision(rules);
  return Uint8Array.from(verdict.flatMap((bytes) => [...bytes]));
}

const maskOf = (access: string): number => [...access].reduce((sum, letter) => sum | (ACCESS[letter] ?? 0), 0);

/** The context is three words: type and access, major, minor. Registers: r2 type, r3 access, r4 major, r5 minor, r1 scratch. */
const decision = (rules: readonly DeviceRule[]): readonly Uint8Array[] => [
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

/** Whatever does not match jumps behind the block; what does is allowed. */
function ruleBlock({ type, major, minor, access }: DeviceRule): readonly Uint8Array[] {
  const mask = maskOf(access);
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
