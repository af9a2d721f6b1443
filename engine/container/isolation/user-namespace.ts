/** `userns_mode`: whose ids a container has, and whose user namespace. What cannot be: user-namespace-check.ts. */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { LaunchOp, Slot } from '../../launcher/ops.ts';
import { findRecord, PROJECT_LABEL } from '../../state/container-records.ts';
import { readText } from '../../state/files.ts';
import { containerRun, type Paths } from '../../state/paths.ts';
import type { ContainerRecord, IdRanges } from '../../state/records.ts';
import type { Identity } from '../identity.ts';
import { allotIds } from './id-ranges.ts';

export interface UserPlan {
  readonly ids: IdRanges;
  /** State file of the donor's supervisor: it is the donor's user namespace. */
  readonly donor?: string;
}

const DEFAULT_SIZE = 65_536;

/** Whose namespaces it enters: it must be in that one's user namespace too, or it would have no rights over them. */
export function userDonor({ namespaces, networkMode }: DesiredContainer): string | undefined {
  if (namespaces?.user === undefined) return undefined;
  if (networkMode.kind === 'container') return networkMode.container;
  const shared = [namespaces.pid, namespaces.ipc, namespaces.uts].find((mode) => mode?.kind === 'container');
  return shared?.kind === 'container' ? shared.container : undefined;
}

/** Under the lock of the containers. Undefined: the host's ids, or another container's. Kept when it is made anew. */
export function allotUser(
  container: DesiredContainer,
  before: ContainerRecord | undefined,
  others: readonly ContainerRecord[],
): IdRanges | undefined {
  const user = container.namespaces?.user;
  if (user === undefined || userDonor(container) !== undefined) return undefined;
  if (before?.ids !== undefined && isDeepStrictEqual(before.madeFrom.namespaces?.user, user)) return before.ids;
  const project = container.labels[PROJECT_LABEL];
  const sibling = others.find(
    ({ ids, madeFrom }) =>
      ids !== undefined && madeFrom.namespaces?.user?.kind === 'private' && madeFrom.labels[PROJECT_LABEL] === project,
  );
  if (user.kind === 'private' && sibling?.ids !== undefined && project !== undefined) return sibling.ids;
  const files = { subuid: readText('/etc/subuid') ?? '', subgid: readText('/etc/subgid') ?? '' };
  const taken = others.flatMap(({ ids }) => ids ?? []);
  return allotIds(user.kind === 'auto' ? user.size : DEFAULT_SIZE, taken, files, container.name);
}

/** Undefined: the host's ids. Throws where the donor has those. */
export function userPlan(
  paths: Paths,
  record: ContainerRecord,
  records: readonly ContainerRecord[],
): UserPlan | undefined {
  const { madeFrom: container, ids } = record;
  if (container.namespaces?.user === undefined) return undefined;
  const asked = userDonor(container);
  if (asked === undefined) {
    if (ids !== undefined) return { ids };
    throw new TcomposeError(`no ids are known for container ${record.name}`, {
      code: 'namespace-conflict',
      address: `container/${record.name}`,
      help: 'remove the container and create it again',
    });
  }
  const donor = findRecord(records, asked);
  // Each was made after its donor: the chain ends.
  const theirs = donor === undefined ? undefined : userPlan(paths, donor, records);
  if (donor === undefined || theirs === undefined) throw donorUnmapped(record.name, asked);
  return { ids: theirs.ids, donor: join(containerRun(paths, donor.id), 'state') };
}

/** As /proc/PID/uid_map and gid_map are written. */
export const idsText = ({ uid, gid, size }: IdRanges) => ({ uids: `0 ${uid} ${size}\n`, gids: `0 ${gid} ${size}\n` });

/** In the supervisor: held by the slot as long as it lives, so that a restart by policy finds the same one. */
export const userSetupOps = ({ ids, donor }: UserPlan, slot: Slot): readonly LaunchOp[] =>
  donor === undefined
    ? [{ op: 'user-namespace', slot, ...idsText(ids) }]
    : [
        { op: 'join-container', state: donor, flags: 0 },
        { op: 'take-user', slot },
      ];

const donorUnmapped = (name: string, donor: string): TcomposeError =>
  new TcomposeError(`container ${name} has a user namespace and shares others with ${donor}, which has none`, {
    code: 'namespace-conflict',
    address: `container/${name}`,
    help: `give ${donor} the same userns_mode, or remove it from ${name}`,
  });

/** Whoever it is to run as must be somebody in there. */
export function checkIdentity(name: string, { uid, gid, groups }: Identity, { ids: { size } }: UserPlan): void {
  const beyond = [uid, gid, ...groups].find((id) => id >= size);
  if (beyond === undefined) return;
  throw new TcomposeError(`container ${name} is to run with the id ${beyond}, and its user namespace has ${size} ids`, {
    code: 'ids-exhausted',
    address: `container/${name}`,
    help: `ask for more of them: userns_mode: auto:size=${beyond + 1}`,
  });
}
