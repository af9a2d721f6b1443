/** What the planner is given: the facts, indexed once, and the wishes of the command. */
import type { DesiredContainer } from '../model/desired.ts';
import type { LiveContainer, LiveNetwork, LiveState, LiveVolume } from '../model/live.ts';
import type { Desire } from './desire.ts';
import { withHooks } from './hooks.ts';
import { isOneOff, projectOf, serviceOf } from './labels.ts';

export interface UpChoices {
  readonly forceRecreate?: boolean;
  readonly noRecreate?: boolean;
  /** Recreates what was not named too. */
  readonly alwaysRecreateDeps?: boolean;
  /** New anonymous volumes in recreated containers; the old ones stay behind. */
  readonly renewAnonVolumes?: boolean;
  readonly noStart?: boolean;
  readonly removeOrphans?: boolean;
  readonly ignoreOrphans?: boolean;
  /** Jobs that ended by themselves with 0 run again: the foreground `up` wants to see them. */
  readonly rerunFinished?: boolean;
  readonly noDeps?: boolean;
  /** Overrides every container's own grace period. */
  readonly timeoutMs?: number;
  /** Waits at the end until everything is running, healthy or completed. */
  readonly wait?: boolean;
  /** Addresses (`volume/shop_data`) that must keep their data: consent was refused. */
  readonly keep?: ReadonlySet<string>;
}

export interface Inputs {
  readonly desire: Desire;
  readonly choices: UpChoices;
  readonly containers: ReadonlyMap<string, LiveContainer>;
  readonly networks: ReadonlyMap<string, LiveNetwork>;
  readonly volumes: ReadonlyMap<string, LiveVolume>;
  readonly wanted: ReadonlyMap<string, DesiredContainer>;
}

export function newInputs(desire: Desire, live: LiveState, choices: UpChoices): Inputs {
  const wanted = byName(desire.state.containers);
  return {
    desire,
    choices,
    containers: byName(
      live.containers.map((one) => (wanted.has(one.name) ? withHooks(one, wanted.get(one.name)!.hooks) : one)),
    ),
    networks: byName(live.networks),
    volumes: byName(live.volumes),
    wanted,
  };
}

const byName = <T extends { readonly name: string }>(items: readonly T[]): ReadonlyMap<string, T> =>
  new Map(items.map((item) => [item.name, item]));

/** Has a process, or gets one back from its supervisor by itself. */
export const isActive = (live: LiveContainer): boolean =>
  live.status === 'running' || live.status === 'restarting' || live.status === 'paused';

/** Its supervisor was killed: whether anything of it runs on, is to be ended. */
export const isLost = (live: LiveContainer): boolean => live.damage.some(({ kind }) => kind === 'supervisor');

export const belongs = (live: LiveContainer, project: string): boolean => projectOf(live) === project;

/** Of the project, but of no service that the file has. */
export function isOrphan(live: LiveContainer, desire: Desire): boolean {
  if (!belongs(live, desire.state.project)) return false;
  return isOneOff(live) ? !isActive(live) : !desire.known.has(serviceOf(live));
}

/** Of a selected service, under a name or number that is not asked for any more. */
export function isSurplus(live: LiveContainer, { desire, wanted }: Inputs): boolean {
  if (!belongs(live, desire.state.project) || isOneOff(live)) return false;
  return desire.selected.has(serviceOf(live)) && !wanted.has(live.name);
}
