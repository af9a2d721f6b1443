/** A host port changes hands: who lets go of it does so before who takes it starts. */
import type { DesiredContainer } from '../model/desired.ts';
import type { Draft } from './draft.ts';
import type { Member, Members } from './order.ts';

/** Port → steps that let go of it. */
type Releases = ReadonlyMap<string, readonly string[]>;

/** Gives the steps that exchange ports with each other, which only the engine can settle, in one call. */
export function orderPorts(draft: Draft, members: Members): ReadonlySet<string> {
  const all = [...members.values()].flat();
  const released = releases(draft, all);
  const exchanging = new Set<string>();
  if (released.size === 0) return exchanging;
  for (const { container, live } of all) {
    const [start, update] = [`container.start ${container.name}`, `container.update ${container.name}`];
    const stop = `container.stop ${container.name}`;
    const giving = (keys: readonly string[]) =>
      keys.flatMap((key) => (released.get(key) ?? []).filter((id) => id !== stop && id !== update));
    if (draft.has(start)) draft.hold(start, giving(portKeys(container)));
    if (!draft.has(update) || !live) continue;
    const before = giving(without(portKeys(container), portKeys(live.madeFrom)));
    const updates = before.filter((id) => id.startsWith('container.update '));
    draft.hold(
      update,
      before.filter((id) => !updates.includes(id)),
    );
    for (const id of updates.length > 0 ? [update, ...updates] : []) exchanging.add(id);
  }
  return exchanging;
}

function releases(draft: Draft, members: readonly Member[]): Releases {
  const released = new Map<string, string[]>();
  for (const { container, live } of members) {
    if (!live) continue;
    const [stop, update] = [`container.stop ${live.name}`, `container.update ${live.name}`];
    const gone = draft.has(stop)
      ? portKeys(live.madeFrom)
      : draft.has(update)
        ? without(portKeys(live.madeFrom), portKeys(container))
        : [];
    for (const key of gone) released.set(key, [...(released.get(key) ?? []), draft.has(stop) ? stop : update]);
  }
  return released;
}

const without = (keys: readonly string[], others: readonly string[]): readonly string[] =>
  keys.filter((key) => !others.includes(key));

const portKeys = (container: DesiredContainer): readonly string[] =>
  container.ports
    .filter(({ published }) => published !== 0)
    .map(({ published, protocol }) => `${published}/${protocol}`);
