/** What the launcher could not do at a start and was allowed to go without, in words for people. */
import { TcomposeError } from '../../src/model/errors.ts';
import { errnoMeaning } from '../launcher/errno.ts';
import { LaunchError } from '../launcher/launcher.ts';
import type { LaunchOp } from '../launcher/ops.ts';
import type { SupervisorSpec } from '../supervise/spec.ts';
import type { Limit } from './resources/cgroup-limits.ts';

interface Told {
  readonly section: string;
  readonly index: number;
  /** Of explanations.ts. */
  readonly message: string;
}

export function startWarnings(spec: SupervisorSpec, told: readonly Told[]): readonly string[] {
  return told.flatMap(({ section, index, message }) => {
    const op = opAt(spec, section, index);
    return op === undefined || isExpected(op) ? [] : [message];
  });
}

function opAt(spec: SupervisorSpec, section: string, index: number): LaunchOp | undefined {
  if (section === 'setup') return spec.setup[index];
  return section === 'start' ? spec.start[index] : undefined;
}

/** Defaults that nobody asked for by name (sysctls, mounts): a kernel without them is no news. */
const isExpected = (op: LaunchOp): boolean =>
  op.op !== 'rlimit' && !(op.op === 'write' && !op.path.startsWith('/proc/sys/'));

/** A limit that the kernel has and does not take is named as the file names it. */
export function limitRefused(container: string, limits: readonly Limit[], error: Error): Error {
  if (!(error instanceof LaunchError) || error.op?.op !== 'write') return error;
  const { path, data } = error.op;
  const limit = limits.find((one) => one.path === path && one.value === data);
  if (limit === undefined) return error;
  return new TcomposeError(
    `the kernel refuses ${limit.setting} ${limit.value}: ${errnoMeaning(error.errno)} (${path})`,
    {
      code: 'limit-refused',
      address: `container/${container}`,
      help: HELP[limit.setting] ?? 'choose a value that this host can give',
      cause: error,
    },
  );
}

const HELP: Readonly<Record<string, string>> = {
  cpu_rt_runtime:
    'the group above has no such budget left; give it one in its cpu.rt_runtime_us, within what the host keeps for all (sysctl kernel.sched_rt_runtime_us)',
  cpuset: 'name processors that this host has and lets its groups use',
};
