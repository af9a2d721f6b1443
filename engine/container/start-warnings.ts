/** What the launcher could not do at a start and was allowed to go without, in words for people. */
import type { LaunchOp } from '../launcher/ops.ts';
import type { SupervisorSpec } from '../supervise/spec.ts';

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
