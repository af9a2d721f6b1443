/** Compiles a seccomp profile into classic BPF (struct sock_filter[]): a decision tree over call numbers, so a call costs some ten instructions. */
import { capabilityBit } from './capabilities.ts';
import type { SeccompArgument, SeccompProfile, SeccompRule, SeccompVerdict } from './seccomp-profile.ts';
import { type Architecture, syscallNumbers } from './syscalls.ts';

export interface SeccompTarget {
  readonly architecture: 'x86_64' | 'aarch64';
  /** The container's bounding set. */
  readonly capabilities: bigint;
  /** `6.1`: uname's release. */
  readonly kernel: string;
}

/** One instruction; jump distances count instructions that are skipped. */
interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

// linux/bpf_common.h, linux/seccomp.h, linux/audit.h
const LOAD = 0x20;
const JUMP = 0x05;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_GREATER_EQUAL = 0x35;
const RETURN = 0x06;
const AND = 0x54;
const NUMBER_OFFSET = 0;
const ARCH_OFFSET = 4;
const ARGS_OFFSET = 16;
const AUDIT: Readonly<Record<Architecture, number>> = { x86_64: 0xc000003e, i386: 0x40000003, aarch64: 0xc00000b7 };
const GO_NAME: Readonly<Record<Architecture, string>> = { x86_64: 'amd64', i386: 'x86', aarch64: 'arm64' };
const X32_BIT = 0x40000000;
const ENOSYS = 38;
const MAX_INSTRUCTIONS = 4096;

const load = (offset: number): Instruction => ({ code: LOAD, jt: 0, jf: 0, k: offset });
const jump = (distance: number): Instruction => ({ code: JUMP, jt: 0, jf: 0, k: distance });
const test = (code: number, k: number, jt: number, jf: number): Instruction => ({ code, jt, jf, k });
const verdictCode = (verdict: SeccompVerdict): number => {
  if (typeof verdict === 'object') return 0x00050000 | (verdict.errno & 0xffff);
  return { allow: 0x7fff0000, log: 0x7ffc0000, trap: 0x00030000, 'kill-thread': 0, 'kill-process': 0x80000000 }[
    verdict
  ];
};
const give = (verdict: SeccompVerdict): Instruction => ({ code: RETURN, jt: 0, jf: 0, k: verdictCode(verdict) });

/** The filter as SECCOMP_SET_MODE_FILTER takes it. */
export function compileFilter(profile: SeccompProfile, target: SeccompTarget): Uint8Array {
  const native = tree(profile, target, target.architecture);
  const i386 = () => (profile.judgesForeign ? tree(profile, target, 'i386') : [give('kill-process')]);
  const foreign = target.architecture === 'x86_64' ? i386() : [give({ errno: ENOSYS })];
  const x32 =
    target.architecture === 'x86_64' ? [test(JUMP_GREATER_EQUAL, X32_BIT, 0, 1), give({ errno: ENOSYS })] : [];
  const program = [
    load(ARCH_OFFSET),
    test(JUMP_EQUAL, AUDIT[target.architecture], 1, 0),
    jump(1 + x32.length + native.length),
    load(NUMBER_OFFSET),
    ...x32,
    ...native,
    ...(target.architecture === 'x86_64'
      ? [test(JUMP_EQUAL, AUDIT.i386, 1, 0), give('kill-process'), load(NUMBER_OFFSET)]
      : []),
    ...foreign,
  ];
  if (program.length > MAX_INSTRUCTIONS)
    throw new Error(`this is a bug in tcompose: a seccomp filter of ${program.length} instructions`);
  return encode(program);
}

/** What happens for the call numbers from `first` up to the next range's. */
interface Range {
  readonly first: number;
  readonly leaf: readonly Instruction[];
}

function tree(profile: SeccompProfile, target: SeccompTarget, architecture: Architecture): readonly Instruction[] {
  const numbers = syscallNumbers(architecture);
  const byNumber = new Map<number, SeccompRule[]>();
  for (const rule of profile.rules.filter((rule) => applies(rule, target, architecture))) {
    for (const name of rule.names) {
      const number = numbers.get(name);
      if (number !== undefined) byNumber.set(number, [...(byNumber.get(number) ?? []), rule]);
    }
  }
  return search(rangesOf(profile, byNumber, Math.max(...numbers.values())));
}

function rangesOf(
  profile: SeccompProfile,
  byNumber: ReadonlyMap<number, SeccompRule[]>,
  newest: number,
): readonly Range[] {
  const ranges: { first: number; leaf: readonly Instruction[]; key: string }[] = [];
  // One past the newest: calls that this table does not know are "not there", so that libraries fall back instead of failing.
  for (let number = 0; number <= newest + 1; number++) {
    const rules = byNumber.get(number) ?? [];
    const leaf = number > newest ? [give(unknownCall(profile))] : leafOf(rules, profile.otherwise);
    const key = JSON.stringify(leaf);
    if (ranges.at(-1)?.key !== key) ranges.push({ first: number, leaf, key });
  }
  return ranges;
}

const unknownCall = ({ otherwise }: SeccompProfile): SeccompVerdict =>
  typeof otherwise === 'object' ? { errno: ENOSYS } : otherwise;

/** Rules of one call in order: the first that holds decides. Unconditional ones win over conditional ones, as libseccomp has it. */
function leafOf(rules: readonly SeccompRule[], otherwise: SeccompVerdict): readonly Instruction[] {
  const always = rules.find((rule) => rule.args.length === 0);
  if (always !== undefined) return [give(always.verdict)];
  return [...rules.flatMap((rule) => conditional(rule)), give(otherwise)];
}

/** Compares, then gives the verdict; whatever does not hold jumps behind it. */
function conditional(rule: SeccompRule): readonly Instruction[] {
  let code: readonly Instruction[] = [give(rule.verdict)];
  for (const argument of [...rule.args].reverse()) code = [...comparison(argument, code.length), ...code];
  return code;
}

/** 64-bit comparison in two halves: falls through when it holds, else skips `rest` further instructions. */
function comparison({ index, operator, value, valueTwo }: SeccompArgument, rest: number): readonly Instruction[] {
  const low = ARGS_OFFSET + 8 * index;
  const high = low + 4;
  const [valueHigh, valueLow] = halves(value);
  if (operator === 'MASKED_EQ') {
    const [wantedHigh, wantedLow] = halves(valueTwo);
    return [
      load(high),
      { code: AND, jt: 0, jf: 0, k: valueHigh },
      test(JUMP_EQUAL, wantedHigh, 0, rest + 3),
      load(low),
      { code: AND, jt: 0, jf: 0, k: valueLow },
      test(JUMP_EQUAL, wantedLow, 0, rest),
    ];
  }
  if (operator === 'EQ')
    return [load(high), test(JUMP_EQUAL, valueHigh, 0, rest + 2), load(low), test(JUMP_EQUAL, valueLow, 0, rest)];
  if (operator === 'NE')
    return [load(high), test(JUMP_EQUAL, valueHigh, 0, 2), load(low), test(JUMP_EQUAL, valueLow, rest, 0)];
  const [code, holds] = {
    GT: [JUMP_GREATER, true],
    GE: [JUMP_GREATER_EQUAL, true],
    LT: [JUMP_GREATER_EQUAL, false],
    LE: [JUMP_GREATER, false],
  }[operator] as [number, boolean];
  const below = holds ? rest + 2 : 2;
  const above = holds ? 3 : rest + 3;
  return [
    load(high),
    test(JUMP_GREATER, valueHigh, above, 0),
    test(JUMP_EQUAL, valueHigh, 0, below),
    load(low),
    holds ? test(code, valueLow, 0, rest) : test(code, valueLow, rest, 0),
  ];
}

const halves = (value: bigint): [high: number, low: number] => [
  Number((value >> 32n) & 0xffffffffn),
  Number(value & 0xffffffffn),
];

/** Binary search over the ranges; the accumulator holds the number until a leaf loads an argument. */
function search(ranges: readonly Range[]): readonly Instruction[] {
  if (ranges.length === 1) return ranges[0]!.leaf;
  const middle = ranges.length >> 1;
  const left = search(ranges.slice(0, middle));
  const right = search(ranges.slice(middle));
  const pivot = ranges[middle]!.first;
  // Conditional jumps reach 255 instructions; the unconditional one reaches anywhere.
  if (left.length <= 255) return [test(JUMP_GREATER_EQUAL, pivot, left.length, 0), ...left, ...right];
  return [test(JUMP_GREATER_EQUAL, pivot, 0, 1), jump(left.length), ...left, ...right];
}

function applies(rule: SeccompRule, target: SeccompTarget, architecture: Architecture): boolean {
  const has = (name: string) => (target.capabilities & capabilityBit(name)) !== 0n;
  const name = GO_NAME[architecture];
  if (!rule.needsCaps.every(has) || rule.withoutCaps.some(has)) return false;
  if (rule.arches.length > 0 && !rule.arches.includes(name)) return false;
  if (rule.exceptArches.includes(name)) return false;
  if (rule.beforeKernel !== undefined && !isOlder(target.kernel, rule.beforeKernel)) return false;
  return rule.minKernel === undefined || !isOlder(target.kernel, rule.minKernel);
}

function isOlder(kernel: string, wanted: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}

/** Little-endian on both architectures. */
function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k >>> 0, true);
  });
  return bytes;
}
