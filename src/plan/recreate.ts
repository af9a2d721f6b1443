/** The sequences of steps that make, replace, change, restart, mend or remove one container. */
import type { LiveContainer } from '../model/live.ts';
import type { Reason } from '../model/plan.ts';
import { losesVolumes } from './data-loss.ts';
import type { Decision } from './decide.ts';
import type { Draft } from './draft.ts';
import { addStartSteps, addStop } from './hooks.ts';
import { isActive, type UpChoices } from './inputs.ts';
import { isAutoRemoved } from './labels.ts';

/** `isPrepared`: another replica of its service runs on. */
export function addContainerSteps(draft: Draft, decision: Decision, choices: UpChoices, isPrepared = false): void {
  const { name } = decision.container;
  switch (decision.kind) {
    case 'create':
      addCreate(draft, decision, { because: decision.because, after: [], isPrepared });
      break;
    case 'recreate':
      addRecreate(draft, decision, choices, isPrepared);
      break;
    case 'restart':
      addStop(draft, decision.live!, decision.because, choices.timeoutMs);
      addStart(draft, decision, {
        because: [],
        after: [`container.stop ${name}`, ...addUpdate(draft, decision, [`container.stop ${name}`])],
        isPrepared,
      });
      break;
    case 'start':
      addStart(draft, decision, { because: decision.because, after: addUpdate(draft, decision), isPrepared });
      break;
    case 'repair':
      draft.add({ kind: 'container.repair', container: name }, decision.because, [
        ...networkSteps(decision),
        ...addUpdate(draft, decision),
      ]);
      break;
    case 'keep':
      addUpdate(draft, decision);
      break;
  }
}

/** In place; gives its step, if there is one. */
function addUpdate(draft: Draft, decision: Decision, after: readonly string[] = []): readonly string[] {
  const { container, updates, avoid } = decision;
  if (!updates) return [];
  const rests = [...after, ...networkSteps(decision), ...volumeSteps(decision)];
  return [draft.add({ kind: 'container.update', container, ...(avoid ? { avoid } : {}) }, updates, rests)];
}

/**
 * Stop, then let the new record take the place of the old one, then start. Where nothing is to be inherited, or the old one is
 * half removed, it goes first.
 */
function addRecreate(draft: Draft, decision: Decision, choices: UpChoices, isPrepared: boolean): void {
  const { name } = decision.container;
  const live = decision.live!;
  const stops = isActive(live);
  const removes = choices.renewAnonVolumes === true || live.status === 'removing' || live.status === 'dead';
  if (stops) addStop(draft, live, decision.because, choices.timeoutMs);
  const before = stops ? [`container.stop ${name}`] : [];
  const because = stops ? [] : decision.because;
  if (removes) {
    const removal = draft.add({ kind: 'container.remove', container: name, anonymousVolumes: false }, because, before);
    addCreate(draft, decision, { because: [], after: [removal], isPrepared });
  } else {
    addCreate(draft, decision, { because, after: before, isPrepared }, name);
  }
}

interface Before {
  readonly because: readonly Reason[];
  readonly after: readonly string[];
  readonly isPrepared: boolean;
}

function addCreate(
  draft: Draft,
  decision: Decision,
  { because, after, isPrepared }: Before,
  inheritsFrom?: string,
): void {
  const { container, avoid } = decision;
  const rests = [...after, ...networkSteps(decision), ...volumeSteps(decision)];
  const id = draft.add(
    { kind: 'container.create', container, ...(inheritsFrom ? { inheritsFrom } : {}), ...(avoid ? { avoid } : {}) },
    because,
    rests,
  );
  if (decision.runs) addStart(draft, decision, { because: [], after: [id], isPrepared });
}

function volumeSteps({ container, live }: Decision): readonly string[] {
  const steps: string[] = [];
  for (const mount of container.mounts) {
    if (mount.kind === 'volume' && mount.volume !== undefined) steps.push(`volume.create ${mount.volume}`);
    else if (mount.kind === 'from') steps.push(`container.create ${mount.container}`);
  }
  // Volumes that come by way of another container may be replaced as well.
  for (const mount of live?.mounts ?? []) {
    if (mount.kind === 'volume') steps.push(`volume.create ${mount.source}`);
  }
  return steps;
}

function addStart(draft: Draft, decision: Decision, { because, after, isPrepared }: Before): void {
  if (!decision.runs) return;
  const repairs = networkSteps(decision);
  addStartSteps(draft, decision.container, because, { after: after.length > 0 ? after : repairs, isPrepared });
}

const networkSteps = ({ container }: Decision): readonly string[] =>
  container.attachments.flatMap(({ network }) => [`network.create ${network}`, `network.repair ${network}`]);

export function addRemoval(draft: Draft, live: LiveContainer, because: Reason, graceMs?: number): void {
  const after: string[] = [];
  if (isActive(live)) {
    addStop(draft, live, [because], graceMs);
    after.push(`container.stop ${live.name}`);
  }
  draft.add(
    { kind: 'container.remove', container: live.name, anonymousVolumes: isAutoRemoved(live) },
    after.length > 0 ? [] : [because],
    after,
    losesVolumes(live, isAutoRemoved(live)),
  );
}
