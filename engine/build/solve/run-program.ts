/** One RUN as a program of the launcher: a container's start, without a supervisor, and with a layer to write into. */

import { maskOps } from '../../container/isolation/masked-paths.ts';
import { CLONE, MS, O_CLOEXEC, O_DIRECTORY, O_PATH } from '../../container/linux.ts';
import { mountOps } from '../../container/mounts.ts';
import {
  CGROUP,
  type ContainerPlan,
  confineOps,
  processOps,
  ROOT,
  SCRATCH,
  SHM,
  setupProgram,
} from '../../container/program.ts';
import { cgroupJoinOps } from '../../container/resources/cgroup.ts';
import { sysctlWrites } from '../../container/resources/limits.ts';
import type { LaunchOp } from '../../launcher/ops.ts';
import { overlayOps } from '../../launcher/overlay.ts';

/**
 * `before`: makes what mounts come from, in the step's own mount namespace. The launcher that waits stays outside of the control groups,
 * and dies with who called it; the program dies with the launcher (`bound`).
 */
export function runProgram(plan: ContainerPlan, before: readonly LaunchOp[]): readonly LaunchOp[] {
  const { process, overlay, mounts, namespaces } = plan;
  const unified = plan.cgroup.unified !== undefined;
  return [
    ...setupProgram(plan),
    { op: 'clone', flags: namespaces.own, ...(unified ? { cgroup: CGROUP } : {}) },
    ...cgroupJoinOps(plan.cgroup),
    ...(namespaces.ownsCgroup ? [{ op: 'unshare', flags: CLONE.NEWCGROUP } as const] : []),
    { op: 'setsid' },
    { op: 'keyring' },
    ...confineOps(process.apparmor),
    { op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
    ...sysctlWrites(plan.sysctls, plan.ownNamespaces).map(
      ({ path, value, optional }): LaunchOp => ({ op: 'write', path, data: value, optional }),
    ),
    ...before,
    ...overlayOps({ layers: overlay.layers, writable: overlay, on: overlay.on, flags: 0 }),
    { op: 'open', slot: ROOT, path: overlay.on, flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
    ...mountOps({ ...mounts, shm: namespaces.shm, root: ROOT, scratch: SCRATCH, shmSlot: SHM }),
    ...(plan.masksPaths ? maskOps(ROOT, plan.throttlePaths) : []),
    { op: 'pivot', root: ROOT },
    { op: 'hostname', name: plan.hostname },
    ...processOps(process, { createsWorkingDir: true, ownsStreams: true }),
  ];
}
