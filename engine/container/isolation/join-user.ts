/** The steps over the border of a user namespace: making it for a supervisor, and what a process does before and after it enters. */
import type { LaunchOp, Slot } from '../../launcher/ops.ts';
import type { IdRanges } from '../../state/records.ts';
import { CLONE, PR_SET_DUMPABLE } from '../linux.ts';
import { rlimitOps } from '../resources/limits.ts';
import { idOutside } from './id-ranges.ts';
import { type UserPlan, userSetupOps } from './user-namespace.ts';

/** The supervisor stays in the host's user namespace; the network that it lives in belongs to the container's. */
export const mappedSetupOps = (user: UserPlan, slot: Slot, network: readonly LaunchOp[]): readonly LaunchOp[] => [
  ...userSetupOps(user, slot),
  ...network.map((op) => (op.op === 'unshare' ? { ...op, user: slot } : op)),
];

/** Of the user namespace that was entered: until then it is a stranger in it, with all rights but no name. */
export const BECOME_ROOT: LaunchOp = { op: 'set-ids', uid: 0, gid: 0, groups: [] };

export const ownStreamsOps = (uid: number, ids: IdRanges): readonly LaunchOp[] => [
  { op: 'own-streams', uid: idOutside(ids.uid, ids.size, uid) ?? ids.uid },
];

/** What it has no right to any more once it is inside. And nobody in there may look into it before it has become the program. */
export const beforeUserOps = (ulimits: Parameters<typeof rlimitOps>[0]): readonly LaunchOp[] => [
  ...rlimitOps(ulimits).flatMap((op): LaunchOp[] =>
    op.op === 'rlimit' ? [{ op: 'raise-rlimit', resource: op.resource, hard: op.hard }] : [],
  ),
  { op: 'prctl', option: PR_SET_DUMPABLE, arg2: 0n },
];

/** The last step of another process on its way into a running container. */
export const joinUserOps = (
  target: { readonly pid: number; readonly startTime: string },
  uid: number,
  { ids, ownsStreams }: { readonly ids: IdRanges; readonly ownsStreams: boolean },
): readonly LaunchOp[] => [
  ...(ownsStreams ? ownStreamsOps(uid, ids) : []),
  { op: 'join', ...target, flags: CLONE.NEWUSER },
  BECOME_ROOT,
];
