/** What a start waits for and what a stop waits for, along depends_on; a service without steps of its own passes it on. */

import type { DesiredContainer } from '../model/desired.ts';
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer } from '../model/live.ts';
import type { SourceRange } from '../model/source.ts';
import { type Dependencies, type Need, reverse } from './dependencies.ts';
import type { Origin } from './desire.ts';
import type { Draft } from './draft.ts';
import { firstStartSteps, firstStopStep, startedStep } from './hooks.ts';
import { isActive } from './inputs.ts';
import { dependency } from './reasons.ts';

/** A container as the order sees it: what it is or will be. */
export interface Member {
  readonly service: string;
  readonly container: DesiredContainer;
  readonly live?: LiveContainer;
}

export type Members = ReadonlyMap<string, readonly Member[]>;

export function groupByService<T extends { readonly service: string }>(
  items: Iterable<T>,
): ReadonlyMap<string, readonly T[]> {
  const result = new Map<string, T[]>();
  for (const item of items) {
    const list = result.get(item.service);
    if (list) list.push(item);
    else result.set(item.service, [item]);
  }
  return result;
}

/** Lets every start step of the draft wait for the starts and conditions of what its service needs. */
export function orderStarts(draft: Draft, members: Members, dependencies: Dependencies, origin?: Origin): void {
  const barriers = new Map<string, readonly string[]>();
  const barrierOf = (service: string): readonly string[] => {
    const known = barriers.get(service);
    if (known) return known;
    barriers.set(service, []);
    const ids = (dependencies.get(service) ?? []).flatMap((need) => {
      const own = (members.get(need.service) ?? []).flatMap((member) =>
        conditionSteps(draft, member, need, { service, at: placeOf(members, service, need, origin) }),
      );
      return own.length > 0 ? own : barrierOf(need.service);
    });
    barriers.set(service, ids);
    return ids;
  };
  // Who runs already waits for nothing, but that what it needs came to be as it needs it is part of success.
  const awaitStarting = (service: string): void => {
    for (const need of dependencies.get(service) ?? []) {
      for (const member of members.get(need.service) ?? []) {
        if (!draft.has(`container.start ${member.container.name}`)) continue;
        conditionSteps(draft, member, need, { service, at: placeOf(members, service, need, origin) });
      }
    }
  };
  for (const [service, list] of members) {
    const starting = list.filter(({ container }) => draft.has(`container.start ${container.name}`));
    if (starting.length === 0) {
      if (list.some(({ live }) => live && isActive(live))) awaitStarting(service);
      continue;
    }
    const after = barrierOf(service);
    for (const { container } of starting) for (const id of firstStartSteps(draft, container)) draft.hold(id, after);
  }
}

/** Nothing where the condition holds already and nothing of the plan disturbs it. */
interface Waiting {
  readonly service: string;
  readonly at: SourceRange | undefined;
}

function placeOf(members: Members, service: string, need: Need, origin: Origin | undefined): SourceRange | undefined {
  const name = members.get(service)?.[0]?.container.name;
  return name === undefined ? undefined : origin?.at(`container/${name}`, ['depends_on', need.service, 'condition']);
}

function conditionSteps(draft: Draft, member: Member, need: Need, waiting: Waiting): readonly string[] {
  const { container, live } = member;
  const started = startedStep(draft, container);
  // A change in place may be what lets the other one reach it: a start has waited for it itself.
  const ready = [started ?? `container.update ${container.name}`].filter((id) => draft.has(id));
  if (need.condition === 'service_started') return ready;
  const condition = need.condition === 'service_healthy' ? 'healthy' : 'completed';
  if (started === undefined && holds(condition, live)) return ready;
  if (condition === 'healthy' && !container.healthcheck) throw noHealthcheck(need.service, waiting);
  const action = { kind: 'container.await', container: container.name, condition, required: need.required } as const;
  return [draft.add(action, [dependency(`${waiting.service} waits for it`)], ready)];
}

function holds(condition: 'healthy' | 'completed', live: LiveContainer | undefined): boolean {
  if (!live) return false;
  return condition === 'healthy'
    ? isActive(live) && live.health === 'healthy'
    : live.status === 'exited' && live.exitCode === 0;
}

const noHealthcheck = (service: string, { service: waiting, at }: Waiting) =>
  new TcomposeError(`service ${waiting} waits for ${service} to be healthy, but ${service} has no health check`, {
    code: 'no-healthcheck',
    address: `service/${service}`,
    help: `add a healthcheck to ${service}, or wait for service_started`,
    exitCode: 2,
    ...(at ? { at } : {}),
  });

/** Lets every stop step of the draft wait for the stops of those who need the service. */
export function orderStops(draft: Draft, members: Members, dependencies: Dependencies): void {
  const dependents = reverse(dependencies);
  const barriers = new Map<string, readonly string[]>();
  const stopsOf = (service: string) =>
    (members.get(service) ?? [])
      .map(({ container }) => `container.stop ${container.name}`)
      .filter((id) => draft.has(id));
  const barrierOf = (service: string): readonly string[] => {
    const known = barriers.get(service);
    if (known) return known;
    barriers.set(service, []);
    const ids = (dependents.get(service) ?? []).flatMap((dependent) => {
      const own = stopsOf(dependent);
      return own.length > 0 ? own : barrierOf(dependent);
    });
    barriers.set(service, ids);
    return ids;
  };
  for (const [service, list] of members) {
    for (const { container } of list) {
      const first = firstStopStep(draft, container.name);
      if (first !== undefined) draft.hold(first, barrierOf(service));
    }
  }
}
