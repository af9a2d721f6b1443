/** Which namespaces a container has of its own, and whose it shares otherwise. */
import { join } from 'node:path';
import type { DesiredContainer, NamespaceOf } from '../../../src/model/desired.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { LaunchOp, Slot } from '../../launcher/ops.ts';
import { findRecord } from '../../state/container-records.ts';
import { containerRun, type Paths } from '../../state/paths.ts';
import type { ContainerRecord } from '../../state/records.ts';
import { CLONE } from '../linux.ts';
import { readRuntime } from '../runtime.ts';

export interface NamespacePlan {
  /** CLONE_NEW…: made with the first process. The mount namespace always is. */
  readonly own: number;
  /** Entered before that: the state files of the donors' supervisors. */
  readonly joins: readonly { readonly state: string; readonly flags: number }[];
  /** Of the control groups; else it sees the host's names of them. */
  readonly ownsCgroup: boolean;
  readonly shm: 'own' | 'none' | 'host' | { readonly state: string };
}

export const OWN_NAMESPACES: NamespacePlan = {
  own: CLONE.NEWNS | CLONE.NEWPID | CLONE.NEWUTS | CLONE.NEWIPC,
  joins: [],
  ownsCgroup: true,
  shm: 'own',
};

const KINDS = { pid: CLONE.NEWPID, ipc: CLONE.NEWIPC, uts: CLONE.NEWUTS } as const;
type Kind = keyof typeof KINDS;

const modeOf = ({ namespaces }: DesiredContainer, kind: Kind): NamespaceOf['kind'] => {
  const mode = namespaces?.[kind]?.kind;
  return mode === undefined || mode === 'none' ? 'shareable' : mode;
};

/** Sharable or not, it is made for this container. */
export const owns = (container: DesiredContainer, kind: Kind): boolean => modeOf(container, kind) === 'shareable';

/** Throws where a donor does not run, or does not share. */
export function namespacePlan(
  paths: Paths,
  { name, madeFrom: container }: ContainerRecord,
  records: readonly ContainerRecord[],
): NamespacePlan {
  const { namespaces } = container;
  if (namespaces === undefined) return OWN_NAMESPACES;
  let own: number = CLONE.NEWNS;
  const joins = new Map<string, number>();
  let shm: NamespacePlan['shm'] = namespaces.ipc?.kind === 'none' ? 'none' : 'own';
  for (const [kind, flag] of Object.entries(KINDS) as [Kind, number][]) {
    const mode = namespaces[kind];
    if (owns(container, kind)) own |= flag;
    if (mode?.kind === 'host' && kind === 'ipc') shm = 'host';
    if (mode?.kind !== 'container') continue;
    const state = donorState(paths, name, kind, findRecord(records, mode.container), mode.container);
    joins.set(state, (joins.get(state) ?? 0) | flag);
    if (kind === 'ipc') shm = { state };
  }
  return {
    own,
    joins: [...joins].map(([state, flags]) => ({ state, flags })),
    ownsCgroup: namespaces.cgroup?.kind !== 'host',
    shm,
  };
}

function donorState(paths: Paths, name: string, kind: Kind, donor: ContainerRecord | undefined, asked: string): string {
  const refused = (what: string, code: string, help: string) =>
    new TcomposeError(`container ${name} shares the ${kind} namespace of ${asked}, which ${what}`, {
      code,
      address: `container/${name}`,
      help,
    });
  if (donor === undefined || readRuntime(paths, donor).process === undefined) {
    throw refused('is not running', 'namespace-donor-stopped', `start ${asked} first`);
  }
  // As Docker has it: a private one stays so, also for those who are asked to join it.
  const mode = donor.madeFrom.namespaces?.[kind]?.kind;
  if (kind === 'ipc' && (mode === undefined || mode === 'none')) {
    throw refused('does not share it', 'namespace-private', `give ${asked} "ipc: shareable"`);
  }
  return join(containerRun(paths, donor.id), 'state');
}

/** What cannot be, told before a container is made. */
export function namespaceProblem(container: DesiredContainer, hasGroups: boolean): TcomposeError | undefined {
  const problem = (message: string, help: string) =>
    new TcomposeError(message, { code: 'namespace-conflict', address: `container/${container.name}`, help });
  if (!owns(container, 'uts') && (container.hostname !== undefined || container.domainname !== undefined)) {
    return problem(
      `conflicting options: hostname and the UTS mode of ${container.name}`,
      'remove hostname and domainname: they would be those of whom it shares the namespace with',
    );
  }
  if (!owns(container, 'pid') && !hasGroups) {
    return problem(
      `${container.name} cannot share a process namespace: this host has no control groups to find its processes by`,
      'mount them, or leave out pid',
    );
  }
  return undefined;
}

/** In the forked child that prepares a start: `slot` takes the shared /dev/shm. */
export function joinOps({ joins, shm }: NamespacePlan, slot: Slot): readonly LaunchOp[] {
  const entered = joins.map(({ state, flags }): LaunchOp => ({ op: 'join-container', state, flags }));
  if (typeof shm === 'string') return entered;
  const look: LaunchOp = { op: 'join-container', state: shm.state, flags: 0 };
  return [...entered, look, { op: 'take-tmpfs', slot, inside: '/dev/shm' }];
}
