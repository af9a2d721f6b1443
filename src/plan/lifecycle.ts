/** Plans for containers as they are: stop, start, restart, kill and remove, in the order that depends_on gives. */
import type { LiveContainer } from '../model/live.ts';
import type { Plan } from '../model/plan.ts';
import { losesVolumes } from './data-loss.ts';
import type { Dependencies } from './dependencies.ts';
import { type Draft, newDraft } from './draft.ts';
import { addStartSteps, addStop } from './hooks.ts';
import { isActive, isLost } from './inputs.ts';
import { serviceOf } from './labels.ts';
import { groupByService, type Member, type Members, orderStarts, orderStops } from './order.ts';
import { dependency, reasonsOfDamage, requested } from './reasons.ts';
import { addFinalWaits } from './wait.ts';

export interface Lives {
  readonly project: string;
  /** Those that the command is about. */
  readonly containers: readonly LiveContainer[];
  readonly dependencies: Dependencies;
}

const memberOf = (live: LiveContainer): Member => ({ service: serviceOf(live), container: live.madeFrom, live });
export const membersOf = (containers: readonly LiveContainer[]): Members => groupByService(containers.map(memberOf));

/** Made for its volumes, and never started (`run: false`); one that was started all the same is like any other. */
const isForVolumes = (live: LiveContainer): boolean => live.madeFrom.runs === false && !isActive(live);

export function planStop(
  { project, containers, dependencies }: Lives,
  choices: { readonly timeoutMs?: number } = {},
): Plan {
  const draft = newDraft(project);
  for (const live of containers) {
    if (isActive(live) || isLost(live)) addStop(draft, live, [requested()], choices.timeoutMs);
  }
  orderStops(draft, membersOf(containers), dependencies);
  return draft.finish();
}

export function planStart(
  { project, containers, dependencies }: Lives,
  choices: { readonly wait?: boolean } = {},
): Plan {
  const draft = newDraft(project);
  const running = new Set(containers.filter((live) => isActive(live) && !isLost(live)).map(serviceOf));
  for (const live of containers) {
    if (isForVolumes(live)) continue;
    if (isLost(live)) restartLost(draft, live);
    else if (!isActive(live))
      addStartSteps(draft, live.madeFrom, [requested()], { isPrepared: running.has(serviceOf(live)) });
  }
  const members = membersOf(containers.filter((live) => !isForVolumes(live)));
  orderStarts(draft, members, dependencies);
  if (choices.wait) addFinalWaits(draft, [...members.values()].flat(), dependencies);
  return draft.finish();
}

/** What its supervisor left behind is ended first: without one it has no log, no checks and no policy. */
function restartLost(draft: Draft, live: LiveContainer): void {
  addStop(draft, live, reasonsOfDamage(live.damage));
  addStartSteps(draft, live.madeFrom, [], { after: [`container.stop ${live.name}`], isPrepared: true });
}

/** `containers` are all of the project; `services` those named. Dependents with `restart: true` come along. */
export function planRestart(
  { project, containers, dependencies }: Lives,
  choices: { readonly services: ReadonlySet<string>; readonly timeoutMs?: number; readonly noDeps?: boolean },
): Plan {
  const draft = newDraft(project);
  const restarting = choices.noDeps ? choices.services : withRestarting(choices.services, dependencies);
  const chosen = containers.filter((live) => restarting.has(serviceOf(live)) && !isForVolumes(live));
  for (const live of chosen) {
    const reason = choices.services.has(serviceOf(live)) ? requested() : dependency('what it depends on is restarted');
    const stops = isActive(live) || isLost(live);
    if (stops) addStop(draft, live, [reason], choices.timeoutMs);
    addStartSteps(draft, live.madeFrom, stops ? [] : [reason], {
      after: [`container.stop ${live.name}`],
      isRestart: true,
    });
  }
  const members = membersOf(chosen);
  orderStops(draft, members, dependencies);
  orderStarts(draft, members, dependencies);
  return draft.finish();
}

function withRestarting(services: ReadonlySet<string>, dependencies: Dependencies): ReadonlySet<string> {
  const result = new Set(services);
  for (const service of result) {
    for (const [dependent, needs] of dependencies) {
      if (needs.some((need) => need.restart && need.service === service)) result.add(dependent);
    }
  }
  return result;
}

export function planKill({ project, containers }: Lives, choices: { readonly signal: string }): Plan {
  const draft = newDraft(project);
  for (const live of containers.filter(isActive)) {
    draft.add({ kind: 'container.kill', container: live.name, signal: choices.signal }, [requested()]);
  }
  if (draft.isEmpty()) draft.warn('no container to kill');
  return draft.finish();
}

/** What runs is stopped first. `volumes`: its anonymous ones go too. */
export function addRemoval(
  draft: Draft,
  live: LiveContainer,
  { volumes = false, timeoutMs }: { readonly volumes?: boolean; readonly timeoutMs?: number },
): void {
  if (isActive(live)) addStop(draft, live, [requested()], timeoutMs);
  const action = { kind: 'container.remove', container: live.name, anonymousVolumes: volumes } as const;
  draft.add(action, isActive(live) ? [] : [requested()], [`container.stop ${live.name}`], losesVolumes(live, volumes));
}

export function planRm(
  { project, containers, dependencies }: Lives,
  choices: { readonly stop?: boolean; readonly volumes?: boolean; readonly timeoutMs?: number },
): Plan {
  const draft = newDraft(project);
  for (const live of containers) {
    if (isActive(live) && !choices.stop) continue;
    addRemoval(draft, live, choices);
  }
  orderStops(draft, membersOf(containers), dependencies);
  if (draft.isEmpty()) draft.warn('no stopped containers');
  return draft.finish();
}
