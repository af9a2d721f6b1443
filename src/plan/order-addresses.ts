/**
 * An address that is asked for by number changes hands: who lets go of it does so before who takes it is made, and who merely was
 * given it moves.
 */
import type { DesiredAttachment, DesiredContainer } from '../model/desired.ts';
import type { LiveContainer } from '../model/live.ts';
import type { Decision, Decisions } from './decide.ts';
import type { Draft } from './draft.ts';
import { belongs, type Inputs, isActive } from './inputs.ts';
import { serviceOf } from './labels.ts';
import type { Members } from './order.ts';
import { dependency } from './reasons.ts';

/** Network → address → name of the container that asks for it. */
type Asked = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Each with the addresses that it has to leave to others; those that stand on one are changed in place. */
export function leaveAddresses(inputs: Inputs, decisions: Decisions): Decisions {
  const asked = askedAddresses(inputs.desire.state.containers);
  if (asked.size === 0) return decisions;
  const result = new Map([...decisions].map(([name, decision]) => [name, withAvoid(decision, asked)]));
  for (const live of inputs.containers.values()) {
    const known = result.get(live.name);
    if (known === undefined && !(belongs(live, inputs.desire.state.project) && isActive(live))) continue;
    const decision = known ?? withAvoid(bystander(live), asked);
    if (decision.kind === 'create' || decision.kind === 'recreate') continue;
    const moves = live.endpoints.flatMap(({ network, ipv4, ipv6 }) =>
      [ipv4, ipv6].flatMap((address) => {
        const other = address === undefined ? undefined : asked.get(network)?.get(address);
        // Who asks by number leaves it by itself.
        const asks = numbersOf(decision.container, network).some((own) => own.includes(':') === address?.includes(':'));
        return other === undefined || asks ? [] : [dependency(`${other} asks for its address ${address}`)];
      }),
    );
    if (moves.length > 0) result.set(live.name, { ...decision, updates: [...(decision.updates ?? []), ...moves] });
  }
  return result;
}

const bystander = (live: LiveContainer): Decision => ({
  kind: 'keep',
  service: serviceOf(live),
  container: live.madeFrom,
  live,
  because: [],
  runs: true,
});

const numbers = ({ ipv4, ipv6 }: DesiredAttachment): readonly string[] =>
  [ipv4, ipv6].filter((one) => one !== undefined);

const numbersOf = ({ attachments }: DesiredContainer, network: string): readonly string[] =>
  attachments.filter((one) => one.network === network).flatMap(numbers);

function askedAddresses(containers: readonly DesiredContainer[]): Asked {
  const asked = new Map<string, Map<string, string>>();
  for (const { name, attachments } of containers) {
    for (const attachment of attachments) {
      for (const address of numbers(attachment)) {
        if (!asked.has(attachment.network)) asked.set(attachment.network, new Map());
        asked.get(attachment.network)!.set(address, name);
      }
    }
  }
  return asked;
}

/** Of families in which it asks for an address itself, it needs no word. */
function withAvoid(decision: Decision, asked: Asked): Decision {
  const avoid = decision.container.attachments.flatMap(({ network, ipv4, ipv6 }) =>
    [...(asked.get(network)?.keys() ?? [])].filter((address) => (address.includes(':') ? ipv6 : ipv4) === undefined),
  );
  return avoid.length === 0 ? decision : { ...decision, avoid };
}

/** Gives the steps that exchange addresses with each other, which only the engine can settle, in one call. */
export function orderAddresses(draft: Draft, members: Members): ReadonlySet<string> {
  const all = [...members.values()].flat();
  const released = new Map<string, string[]>();
  for (const { container, live } of all) {
    if (!live) continue;
    const [stop, update] = [`container.stop ${live.name}`, `container.update ${live.name}`];
    const step = draft.has(stop) ? stop : draft.has(update) ? update : undefined;
    if (step === undefined) continue;
    const kept = step === update ? keysOf(container) : [];
    for (const key of liveKeys(live)) if (!kept.includes(key)) released.set(key, [...(released.get(key) ?? []), step]);
  }
  const exchanging = new Set<string>();
  if (released.size === 0) return exchanging;
  for (const { container, live } of all) {
    const had = live ? liveKeys(live) : [];
    const givers = keysOf(container)
      .filter((key) => !had.includes(key))
      .flatMap((key) => released.get(key) ?? [])
      .filter((id) => !id.endsWith(` ${container.name}`));
    if (givers.length === 0) continue;
    const update = `container.update ${container.name}`;
    for (const step of ['create', 'start'].map((kind) => `container.${kind} ${container.name}`))
      if (draft.has(step)) draft.hold(step, givers);
    if (!draft.has(update)) continue;
    const updates = givers.filter((id) => id.startsWith('container.update '));
    draft.hold(
      update,
      givers.filter((id) => !updates.includes(id)),
    );
    for (const id of updates.length > 0 ? [update, ...updates] : []) exchanging.add(id);
  }
  return exchanging;
}

/** What two on one network cannot both have. */
const keysOf = ({ attachments }: DesiredContainer): readonly string[] =>
  attachments.flatMap((one) =>
    [...numbers(one), ...(one.mac ? [one.mac.toLowerCase()] : [])].map((text) => `${one.network} ${text}`),
  );

const liveKeys = ({ endpoints }: LiveContainer): readonly string[] =>
  endpoints.flatMap(({ network, ipv4, ipv6, mac }) =>
    [ipv4, ipv6, mac].flatMap((text) => (text ? [`${network} ${text.toLowerCase()}`] : [])),
  );
