/** What becomes of each container, and why: made, replaced, changed in place, restarted, started, repaired, or left alone. */
import type { DesiredContainer } from '../model/desired.ts';
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer } from '../model/live.ts';
import type { Reason } from '../model/plan.ts';
import { containerDifferences } from './compare.ts';
import { belongs, type Inputs, isActive, isOrphan, isSurplus } from './inputs.ts';
import { serviceOf } from './labels.ts';
import { textEffects, whyNotLive } from './mounts-in-place.ts';
import { attachedTo, type Fates, mounting } from './objects.ts';
import { changed, damaged, dependency, missing, reasonsOfDamage, requested, stopped } from './reasons.ts';

export interface Decision {
  readonly kind: 'create' | 'recreate' | 'restart' | 'start' | 'repair' | 'keep';
  readonly service: string;
  readonly container: DesiredContainer;
  readonly live?: LiveContainer;
  readonly because: readonly Reason[];
  /** Why it is changed in place besides, before it is started or repaired; absent: it is not. */
  readonly updates?: readonly Reason[];
  /** Addresses that others ask for by number. */
  readonly avoid?: readonly string[];
  /** false: it was not running and nobody asked that it should. */
  readonly runs: boolean;
}

export type Decisions = ReadonlyMap<string, Decision>;

/** Parents before children: desire lists containers in the order of starting, and what happens to one may touch the next. */
export function decide(inputs: Inputs, fates: Fates): Decisions {
  const decisions = new Map<string, Decision>();
  for (const container of inputs.desire.state.containers) {
    decisions.set(container.name, decideOne(inputs, fates, decisions, container));
  }
  for (const live of inputs.containers.values()) {
    const bystander = decisions.has(live.name) ? undefined : decideBystander(inputs, fates, live);
    if (bystander) decisions.set(live.name, bystander);
  }
  rerunJobs(inputs, decisions);
  return decisions;
}

function decideOne(inputs: Inputs, fates: Fates, decided: Decisions, container: DesiredContainer): Decision {
  const { desire, choices } = inputs;
  const address = `container/${container.name}`;
  const live = inputs.containers.get(container.name);
  const runs = choices.noStart !== true && container.runs !== false;
  const base = { service: serviceOf({ madeFrom: container }), container, runs };
  if (!live) return { ...base, kind: 'create', because: [missing(desire.origin.at(address, []))] };
  if (!belongs(live, desire.state.project))
    throw nameTaken(container.name, desire.origin.at(address, ['container_name']));
  const change = changeReasons(inputs, fates, decided, { ...base, live });
  if (change.recreate.length > 0) return { ...base, live, kind: 'recreate', because: change.recreate };
  const known = { ...base, live, ...(change.update.length > 0 ? { updates: change.update } : {}) };
  if (!runs) return { ...known, kind: 'keep', because: [] };
  if (!isActive(live)) {
    return isFinished(inputs, live)
      ? { ...known, kind: 'keep', because: [] }
      : { ...known, kind: 'start', because: [startReason(live)] };
  }
  // A lost supervisor cannot be given back to a running process: only a fresh start has one.
  const lost = live.damage.filter(({ kind }) => kind === 'supervisor' || kind === 'process');
  const texts = known.updates ? textEffects(live.madeFrom, container).restart.map(dependency) : [];
  const restart = [...reasonsOfDamage(lost), ...restartReasons(inputs, decided, known), ...texts];
  if (restart.length > 0) return { ...known, kind: 'restart', because: restart };
  const damage = live.damage.filter(({ kind }) => kind !== 'change');
  if (damage.length > 0) return { ...known, kind: 'repair', because: reasonsOfDamage(damage) };
  return { ...known, kind: 'keep', because: [] };
}

const nameTaken = (name: string, at: Reason['at']) =>
  new TcomposeError(`the name ${name} belongs to a container that this project did not make`, {
    code: 'name-in-use',
    address: `container/${name}`,
    help: 'give the service another container_name, or remove the other container',
    ...(at ? { at } : {}),
  });

const startReason = (live: LiveContainer): Reason => {
  const lost = live.damage.find(({ kind }) => kind === 'process' || kind === 'supervisor');
  return lost ? damaged(lost) : stopped(live);
};

type Known = { readonly service: string; readonly container: DesiredContainer; readonly live: LiveContainer };

interface Change {
  readonly recreate: readonly Reason[];
  /** Only where nothing asks for a new one. */
  readonly update: readonly Reason[];
}

/** `--no-recreate` leaves what there is as it is (Compose's rule): it is not changed in place either. */
function changeReasons(inputs: Inputs, fates: Fates, decided: Decisions, { service, container, live }: Known): Change {
  const { choices, desire } = inputs;
  if (live.status === 'removing' || live.status === 'dead')
    return { recreate: [{ code: 'damaged', text: 'its removal was never finished' }], update: [] };
  const targeted = desire.targeted.has(service);
  const forced = targeted ? choices.forceRecreate || choices.renewAnonVolumes : choices.alwaysRecreateDeps;
  const shared = [...objectReasons(fates, live), ...sourceReasons(decided, container)];
  if (choices.noRecreate) return { recreate: shared, update: [] };
  const differences = containerDifferences(container, live.madeFrom);
  const own = changed(differences, `container/${container.name}`, desire.origin);
  if (forced || shared.length > 0 || differences.some(({ cost }) => cost === 'process')) {
    const why = mountReason(differences, live.madeFrom, container);
    const asked = forced && own.length === 0 ? [requested('recreation was asked for')] : [];
    return { recreate: [...own, ...why, ...shared, ...asked], update: [] };
  }
  // One that was begun is finished, whatever the file says by now.
  const unfinished = reasonsOfDamage(live.damage.filter(({ kind }) => kind === 'change'));
  const { signals } = textEffects(live.madeFrom, container);
  const told = own.length > 0 && isActive(live) ? signals.map((one) => dependency(`then ${one} is sent to it`)) : [];
  return { recreate: [], update: [...own, ...told, ...unfinished] };
}

/** Mounts are changed in place where they can be: where they cannot, and nothing else asks for a new container, why is said. */
function mountReason(
  differences: ReturnType<typeof containerDifferences>,
  from: DesiredContainer,
  to: DesiredContainer,
): readonly Reason[] {
  const costly = differences.filter(({ cost }) => cost === 'process');
  if (costly.length === 0 || costly.some(({ path }) => path[0] !== 'volumes')) return [];
  const why = whyNotLive(from, to);
  return why === undefined ? [] : [dependency(`not in place: ${why}`)];
}

/** Its endpoints and mounts belong to objects that will be others. */
function objectReasons(fates: Fates, live: LiveContainer): readonly Reason[] {
  const reasons: Reason[] = [];
  for (const [address, { kind }] of fates) {
    const [type, name = ''] = address.split('/');
    const uses = type === 'network' ? attachedTo(live, name) : mounting(live, name);
    if (uses) reasons.push(dependency(`${type} ${name} ${kind === 'create' ? 'was gone' : 'is replaced'}`));
  }
  return reasons;
}

/** volumes_from is settled at create: a new source has other volumes. */
function sourceReasons(decided: Decisions, container: DesiredContainer): readonly Reason[] {
  return container.mounts.flatMap((mount) => {
    const source = mount.kind === 'from' ? decided.get(mount.container) : undefined;
    return source && (source.kind === 'create' || source.kind === 'recreate')
      ? [dependency(`${source.container.name}, whose volumes it mounts, is made anew`)]
      : [];
  });
}

function restartReasons(
  { desire, choices }: Inputs,
  decided: Decisions,
  { service, container }: Known,
): readonly Reason[] {
  for (const [what, donor] of sharedNamespaces(container)) {
    const decision = decided.get(donor);
    if (decision && decision.kind !== 'keep' && decision.kind !== 'repair')
      return [dependency(`${donor}, whose ${what} it shares, gets a new one`)];
  }
  if (choices.noDeps) return [];
  const needs = (desire.dependencies.get(service) ?? []).filter((need) => need.restart);
  for (const decision of needs.length > 0 ? decided.values() : []) {
    if (decision.kind !== 'recreate' && decision.kind !== 'restart') continue;
    if (needs.some((need) => need.service === decision.service))
      return [dependency(`${decision.service} is restarted`)];
  }
  return [];
}

/** What it has of which other container: gone when that one's process is. */
const sharedNamespaces = ({ networkMode, namespaces = {} }: DesiredContainer): readonly (readonly [string, string])[] =>
  Object.entries({ network: networkMode, ...namespaces }).flatMap(([kind, mode]) =>
    mode?.kind === 'container' ? [[kind === 'network' ? kind : `${kind} namespace`, mode.container] as const] : [],
  );

/** Neither asked for nor an orphan to be removed, but on a network or volume that is replaced: made again as it was. */
function decideBystander(inputs: Inputs, fates: Fates, live: LiveContainer): Decision | undefined {
  const { desire, choices } = inputs;
  if (!belongs(live, desire.state.project) || isSurplus(live, inputs)) return undefined;
  if (isOrphan(live, desire) && choices.removeOrphans) return undefined;
  const because = objectReasons(fates, live);
  if (because.length === 0) return undefined;
  const runs = isActive(live) && choices.noStart !== true;
  return { kind: 'recreate', service: serviceOf(live), container: live.madeFrom, live, because, runs };
}

/** A job that ended by itself, and well, has done what was asked for. */
function isFinished({ desire, choices }: Inputs, live: LiveContainer): boolean {
  if (choices.rerunFinished || desire.named.has(serviceOf(live))) return false;
  const { policy } = live.madeFrom.restart;
  return (
    live.status === 'exited' &&
    live.exitCode === 0 &&
    live.wanted === true &&
    (policy === 'no' || policy === 'on-failure')
  );
}

/**
 * A migration runs again before what waits for its end is made anew; children first, since one job may wait for another. That a
 * lost process is started again is no reason: the job is done.
 */
function rerunJobs({ desire }: Inputs, decisions: Map<string, Decision>): void {
  const again = new Set<string>();
  for (const { kind, service, runs } of [...decisions.values()].reverse()) {
    if (!runs || !(kind === 'create' || kind === 'recreate' || again.has(service))) continue;
    for (const need of desire.dependencies.get(service) ?? []) {
      if (need.condition === 'service_completed_successfully' && rerun(decisions, need.service, service))
        again.add(need.service);
    }
  }
}

function rerun(decisions: Map<string, Decision>, job: string, waiting: string): boolean {
  let isRerun = false;
  for (const [name, decision] of decisions) {
    const { live } = decision;
    if (decision.service !== job || decision.kind !== 'keep' || !live || isActive(live)) continue;
    decisions.set(name, { ...decision, kind: 'start', because: [dependency(`${waiting} waits for it to complete`)] });
    isRerun = true;
  }
  return isRerun;
}
