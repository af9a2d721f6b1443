/** What `up` has to do: differences between what should be and what is, as steps in an order that keeps everybody served. */
import type { LiveContainer, LiveState } from '../model/live.ts';
import type { Plan } from '../model/plan.ts';
import { type Decision, decide } from './decide.ts';
import type { Dependencies } from './dependencies.ts';
import type { Desire } from './desire.ts';
import { type Draft, newDraft } from './draft.ts';
import { warnOfFirewalls } from './firewall-warnings.ts';
import { belongs, type Inputs, isActive, isOrphan, isSurplus, newInputs, type UpChoices } from './inputs.ts';
import { isAutoRemoved, isOneOff, serviceOf } from './labels.ts';
import { addObjectSteps, addUnwantedNetworks, objectFates } from './objects.ts';
import { groupByService, orderStarts, orderStops } from './order.ts';
import { leaveAddresses, orderAddresses } from './order-addresses.ts';
import { orderPorts } from './order-ports.ts';
import { unwanted } from './reasons.ts';
import { addContainerSteps, addRemoval } from './recreate.ts';
import { addFinalWaits } from './wait.ts';

export function planUp(desire: Desire, live: LiveState, choices: UpChoices = {}): Plan {
  const draft = newDraft(desire.state.project);
  const inputs = newInputs(desire, live, choices);
  for (const text of desire.warnings) draft.warn(text);
  const fates = objectFates(inputs, draft);
  const decisions = leaveAddresses(inputs, decide(inputs, fates));
  addObjectSteps(inputs, fates, draft);
  const leaving = removals(inputs, draft);
  for (const [container, reason] of leaving) addRemoval(draft, container, reason, choices.timeoutMs);
  const running = new Set([...decisions.values()].filter(runsOn).map(({ service }) => service));
  for (const decision of decisions.values()) {
    addContainerSteps(draft, decision, choices, running.has(decision.service));
    // Whoever paused it had a reason: it is left so, and that it answers nobody is said.
    if (decision.kind === 'keep' && decision.live?.status === 'paused') draft.warn(pausedText(decision));
  }
  const leavers = [...leaving.keys()].map((container) => ({
    service: serviceOf(container),
    container: container.madeFrom,
    live: container,
  }));
  const members = groupByService([...decisions.values(), ...leavers]);
  const dependencies = choices.noDeps ? withinSelection(desire) : desire.dependencies;
  orderStops(draft, members, dependencies);
  const staying = groupByService(decisions.values());
  orderStarts(draft, staying, dependencies, desire.origin);
  // Two may swap what they have, so none can go first: the engine is given all of them in one call, and settles it among them.
  draft.align([...orderPorts(draft, members), ...orderAddresses(draft, members)]);
  warnOfFirewalls(draft, live.firewalls ?? [], desire.state.containers);
  addUnwantedNetworks(inputs, new Set([...leaving.keys()].map(({ name }) => name)), draft);
  if (choices.wait) {
    const running = [...decisions.values()].filter(({ runs }) => runs);
    addFinalWaits(draft, running, dependencies);
  }
  return draft.finish();
}

/** What it was prepared for, it still runs. */
const runsOn = ({ kind, live }: Decision): boolean =>
  (kind === 'keep' || kind === 'repair') && live !== undefined && isActive(live);

/** Without dependencies nobody outside of the selection is waited for. */
function withinSelection({ dependencies, selected }: Desire): Dependencies {
  return new Map(
    [...dependencies].map(([name, needs]) => [name, needs.filter(({ service }) => selected.has(service))]),
  );
}

function removals(inputs: Inputs, draft: Draft): ReadonlyMap<LiveContainer, ReturnType<typeof unwanted>> {
  const { desire, choices, containers } = inputs;
  const result = new Map<LiveContainer, ReturnType<typeof unwanted>>();
  const orphans: string[] = [];
  for (const live of [...containers.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (isSurplus(live, inputs)) result.set(live, unwanted(surplusText(inputs, live)));
    else if (isAutoRemoved(live) && belongs(live, desire.state.project) && !isActive(live))
      result.set(live, unwanted('an ended one-off of run --rm'));
    else if (!isOrphan(live, desire)) continue;
    else if (choices.removeOrphans) result.set(live, unwanted(isOneOff(live) ? 'an ended one-off' : 'not in the file'));
    else if (!isOneOff(live)) orphans.push(live.name);
  }
  if (orphans.length > 0 && !choices.ignoreOrphans) draft.warn(orphanText(orphans));
  return result;
}

const pausedText = ({ service, container }: Decision) =>
  `container ${container.name} is paused and stays so: tcompose unpause ${service}`;

const orphanText = (names: readonly string[]) =>
  `found orphan containers (${names.join(', ')}): the file has no such service (any more); remove them with --remove-orphans`;

function surplusText({ desire }: Inputs, live: LiveContainer): string {
  const service = serviceOf(live);
  const count = desire.state.containers.filter((container) => serviceOf({ madeFrom: container }) === service).length;
  return `${service} is scaled to ${count}`;
}
