/** What comes back after the machine was started anew, or after a supervisor was killed: Docker's rules for a start of its daemon. */
import type { DesiredContainer } from '../model/desired.ts';
import type { LiveContainer, LiveState } from '../model/live.ts';
import type { Plan } from '../model/plan.ts';
import { type Dependencies, labelDependencies } from './dependencies.ts';
import { type Draft, newDraft } from './draft.ts';
import { addStop } from './hooks.ts';
import { isActive, isLost } from './inputs.ts';
import { projectOf } from './labels.ts';
import { membersOf } from './lifecycle.ts';
import { attachedTo } from './objects.ts';
import { orderStarts } from './order.ts';
import { reasonsOfDamage, stopped } from './reasons.ts';

/**
 * `always`: whatever ended it. `unless-stopped`: not what was stopped by hand. `on-failure`: what failed, and what nobody saw the end
 * of counts as failed. Who was started since the machine was is left as he is: restore may be run at any time, and again.
 */
export function comesBack(live: LiveContainer): boolean {
  const { policy, maxRetries } = live.madeFrom.restart;
  if (live.madeFrom.runs === false) return false;
  if (isLost(live)) return policy !== 'no';
  if (isActive(live) || !live.startedBeforeBoot) return false;
  switch (policy) {
    case 'no':
      return false;
    case 'always':
      return true;
    case 'unless-stopped':
      return !live.stoppedByUser;
    case 'on-failure':
      return !live.stoppedByUser && live.exitCode !== 0 && (maxRetries === 0 || live.restartCount < maxRetries);
  }
}

/** All of these projects in one plan: what starts together costs one change of the rules. No hooks: nobody gave a command. */
export function planRestore(live: LiveState, projects: ReadonlySet<string>): Plan {
  const draft = newDraft('');
  const ours = live.containers.filter((container) => projects.has(projectOf(container) ?? ''));
  const coming = ours.filter(comesBack);
  const networks = live.networks.filter(
    ({ name, damage }) => damage.length > 0 && coming.some((container) => attachedTo(container, name)),
  );
  for (const { name, damage } of networks)
    draft.add({ kind: 'network.repair', network: name }, reasonsOfDamage(damage));
  for (const container of coming) addRestart(draft, container);
  for (const project of projects) {
    const members = ours.filter((container) => (projectOf(container) ?? '') === project);
    orderStarts(draft, membersOf(members), patient(labelDependencies(members)));
  }
  return draft.finish();
}

function addRestart(draft: Draft, live: LiveContainer): void {
  const after = live.madeFrom.attachments.map(({ network }) => `network.repair ${network}`);
  for (const donor of donorsOf(live.madeFrom)) after.push(`container.start ${donor}`);
  const lost = isLost(live);
  // Whatever its status: nothing that was left without a supervisor is asked to run a hook.
  if (lost) addStop(draft, { ...live, status: 'exited' }, reasonsOfDamage(live.damage));
  if (lost) after.push(`container.stop ${live.name}`);
  draft.add({ kind: 'container.start', container: live.name }, lost ? [] : [stopped(live)], after);
}

/** A condition that fails holds nobody up: at boot half of a stack is better than none. */
const patient = (dependencies: Dependencies): Dependencies =>
  new Map([...dependencies].map(([service, needs]) => [service, needs.map((need) => ({ ...need, required: false }))]));

/** Whose namespaces it shares. */
const donorsOf = ({ networkMode, namespaces = {} }: DesiredContainer): readonly string[] =>
  [networkMode, ...Object.values(namespaces)].flatMap((mode) => (mode?.kind === 'container' ? [mode.container] : []));
