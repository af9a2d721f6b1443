/** Seccomp profiles that users bring, in Docker's JSON form (docs.docker.com/engine/security/seccomp), with libseccomp's meaning. */
import { TcomposeError } from '../../../src/model/errors.ts';
import {
  rule,
  type SeccompArgument,
  type SeccompOperator,
  type SeccompProfile,
  type SeccompRule,
  type SeccompVerdict,
} from './seccomp-profile.ts';

const EPERM = 1;

const ACTIONS: Readonly<Record<string, SeccompVerdict>> = {
  SCMP_ACT_ALLOW: 'allow',
  SCMP_ACT_LOG: 'log',
  SCMP_ACT_KILL: 'kill-thread',
  SCMP_ACT_KILL_THREAD: 'kill-thread',
  SCMP_ACT_KILL_PROCESS: 'kill-process',
  SCMP_ACT_TRAP: 'trap',
};

/** They hand the call to another program, which would have to be there for as long as the container. */
const SERVED: Readonly<Record<string, string>> = {
  SCMP_ACT_NOTIFY: 'there is no program here to notify',
  SCMP_ACT_TRACE: 'there is no tracer here to tell',
};

/** linux/seccomp.h; thread synchronisation means nothing before exec. */
const FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
};

/** The 64-bit one of ours, and the 32-bit one whose programs its kernel runs. */
const ARCHITECTURES = {
  x86_64: { native: 'SCMP_ARCH_X86_64', foreign: 'SCMP_ARCH_X86' },
  aarch64: { native: 'SCMP_ARCH_AARCH64', foreign: 'SCMP_ARCH_ARM' },
} as const;

type Integer = number | string;

interface Condition {
  readonly caps?: readonly string[] | null;
  readonly arches?: readonly string[] | null;
  readonly minKernel?: string;
}

interface DockerRule {
  readonly name?: string;
  readonly names?: readonly string[] | null;
  readonly action?: string;
  readonly errnoRet?: Integer;
  readonly args?: readonly { index: Integer; value?: Integer; valueTwo?: Integer; op: string }[] | null;
  readonly includes?: Condition | null;
  readonly excludes?: Condition | null;
}

interface DockerProfile {
  readonly defaultAction?: string;
  readonly defaultErrnoRet?: Integer;
  readonly architectures?: readonly string[] | null;
  readonly archMap?: readonly { architecture: string; subArchitectures?: readonly string[] | null }[] | null;
  readonly flags?: readonly string[] | null;
  readonly listenerPath?: string;
  readonly syscalls?: readonly DockerRule[] | null;
}

export function parseProfile(text: string, architecture: keyof typeof ARCHITECTURES = 'x86_64'): SeccompProfile {
  let raw: DockerProfile;
  try {
    raw = JSON.parse(wholeNumbers(text)) as DockerProfile;
  } catch (error) {
    throw unusable(`it is not JSON (${(error as Error).message})`);
  }
  if (typeof raw !== 'object' || raw === null || typeof raw.defaultAction !== 'string')
    throw unusable('it has no defaultAction');
  if (raw.listenerPath) throw unusable(SERVED['SCMP_ACT_NOTIFY']!);
  const otherwise = parseAction(raw.defaultAction, raw.defaultErrnoRet);
  const byDefault = JSON.stringify(otherwise);
  return {
    otherwise,
    judgesForeign: judgesForeign(raw, architecture),
    flags: (raw.flags ?? []).reduce((sum, name) => sum | flagOf(name), 0),
    // libseccomp has no rule that only says what holds anyway: such a one would else hide those after it.
    rules: (raw.syscalls ?? []).flatMap(parseRule).filter((one) => JSON.stringify(one.verdict) !== byDefault),
  };
}

/** Masks of 64 bits are beyond what JSON.parse keeps whole: long numbers become text. Strings are passed over. */
const wholeNumbers = (text: string): string =>
  text.replace(/("(?:[^"\\]|\\.)*")|\b[0-9]{16,}\b/g, (match, quoted: string | undefined) => quoted ?? `"${match}"`);

function judgesForeign({ architectures, archMap }: DockerProfile, own: keyof typeof ARCHITECTURES): boolean {
  const [listed, mapped] = [architectures ?? [], archMap ?? []];
  if (listed.length > 0 && mapped.length > 0) throw unusable('it has both "architectures" and "archMap": use either');
  const { native, foreign } = ARCHITECTURES[own];
  const subordinate = mapped.find(({ architecture }) => architecture === native)?.subArchitectures ?? [];
  return [...listed, ...subordinate].includes(foreign);
}

function parseRule(raw: DockerRule): readonly SeccompRule[] {
  if (raw.name !== undefined && raw.name !== '' && (raw.names ?? []).length > 0)
    throw unusable('a rule has both "name" and "names": use either');
  const { includes, excludes } = raw;
  const whole = rule('', {
    names: raw.names ?? (raw.name === undefined ? [] : [raw.name]),
    verdict: parseAction(raw.action ?? '', raw.errnoRet),
    args: (raw.args ?? []).map(parseArgument),
    needsCaps: includes?.caps ?? [],
    withoutCaps: excludes?.caps ?? [],
    arches: includes?.arches ?? [],
    exceptArches: excludes?.arches ?? [],
    ...(includes?.minKernel ? { minKernel: includes.minKernel } : {}),
    ...(excludes?.minKernel ? { beforeKernel: excludes.minKernel } : {}),
  });
  // One argument compared twice: libseccomp cannot, and runc makes alternatives of all of the rule's comparisons.
  const isTwice = new Set(whole.args.map(({ index }) => index)).size < whole.args.length;
  return isTwice ? whole.args.map((argument) => ({ ...whole, args: [argument] })) : [whole];
}

function parseArgument({ index, op, value, valueTwo }: NonNullable<DockerRule['args']>[number]): SeccompArgument {
  if (!(Number(index) >= 0 && Number(index) <= 5)) throw unusable(`there is no argument ${index}: they are 0 to 5`);
  return {
    index: Number(index),
    operator: parseOperator(op),
    value: BigInt.asUintN(64, BigInt(value ?? 0)),
    valueTwo: BigInt.asUintN(64, BigInt(valueTwo ?? 0)),
  };
}

function parseAction(name: string, errno: Integer | undefined): SeccompVerdict {
  const served = SERVED[name];
  if (served !== undefined) throw unusable(`it has ${name}, and ${served}`);
  const verdict = name === 'SCMP_ACT_ERRNO' ? { errno: Number(errno ?? EPERM) } : ACTIONS[name];
  if (verdict === undefined) throw unusable(`there is no action "${name}" here`);
  return verdict;
}

function parseOperator(name: string): SeccompOperator {
  const operator = /^SCMP_CMP_(LT|LE|EQ|NE|GE|GT|MASKED_EQ)$/.exec(name)?.[1];
  if (operator === undefined) throw unusable(`there is no comparison "${name}"`);
  return operator as SeccompOperator;
}

function flagOf(name: string): number {
  const flag = FLAGS[name];
  if (flag === undefined) throw unusable(`there is no flag "${name}" here`);
  return flag;
}

const unusable = (why: string) =>
  new TcomposeError(`the seccomp profile cannot be used: ${why}`, {
    code: 'seccomp-profile-invalid',
    help: 'see https://docs.docker.com/engine/security/seccomp/ for its form',
  });
