/** What is run for a container before and after its start and before its stop: steps of their own, in the order of the file. */
import type { DesiredContainer } from '../model/desired.ts';
import type { LiveContainer } from '../model/live.ts';
import type { ActionArgs, Reason } from '../model/plan.ts';
import type { Draft } from './draft.ts';

/** The file's hooks count, not those of the time when it was made: nobody loses a container for a change of them. */
export function withHooks(live: LiveContainer, hooks: DesiredContainer['hooks']): LiveContainer {
  const { hooks: _, ...madeFrom } = live.madeFrom;
  return { ...live, madeFrom: hooks ? { ...madeFrom, hooks } : madeFrom };
}

type When = ActionArgs['container.hook']['when'];

const WORD: Readonly<Record<When, string>> = { postStart: 'post_start', preStop: 'pre_stop' };

export const hookId = (container: string, when: When, number: number): string =>
  `container.hook ${container} ${WORD[when]} ${number}`;

/** One after the other; `after`: what the first waits for. Gives the last step, or `after` when there is none. */
function addHooks(
  draft: Draft,
  container: DesiredContainer,
  when: When,
  { after, because }: { readonly after?: string; readonly because: readonly Reason[] },
): string | undefined {
  let last = after;
  for (const [index, hook] of (container.hooks?.[when] ?? []).entries()) {
    const action = { kind: 'container.hook', container: container.name, when, number: index + 1, hook } as const;
    last = draft.add(action, index === 0 ? because : [], last === undefined ? [] : [last]);
  }
  return last;
}

export interface Starting {
  readonly after?: Iterable<string>;
  /** Half of a restart that was asked for: nothing is prepared again. */
  readonly isRestart?: boolean;
  /** A replica of its service runs on: what is prepared once for all of them was. */
  readonly isPrepared?: boolean;
}

/** What is prepared for it, the start, and all that follows it before others may count on the container. */
export function addStartSteps(
  draft: Draft,
  container: DesiredContainer,
  because: readonly Reason[],
  { after = [], isRestart = false, isPrepared = false }: Starting = {},
): void {
  const rests = [...after];
  const prepared = isRestart ? [] : addPreparation(draft, container, { because, after: rests, isPrepared });
  const start = draft.add(
    { kind: 'container.start', container: container.name, ...(isRestart ? { isRestart } : {}) },
    because,
    [...rests, ...prepared],
  );
  addHooks(draft, container, 'postStart', { after: start, because: [] });
}

/** One after the other; replicas share the steps of those that run once. Gives the last one's id. */
function addPreparation(
  draft: Draft,
  container: DesiredContainer,
  { because, after, isPrepared }: { because: readonly Reason[]; after: readonly string[]; isPrepared: boolean },
): readonly string[] {
  let last: readonly string[] = [];
  for (const init of preparationOf(container)) {
    if (isPrepared && !isForOne(init, container)) continue;
    const rests = [...after, ...last, ...ownersOf(init), `container.remove ${init.name}`];
    const action = { kind: 'container.prepare', container: init.name, init } as const;
    last = [draft.add(action, draft.has(prepareId(init)) ? [] : because, rests)];
  }
  return last;
}

const preparationOf = (container: DesiredContainer): readonly DesiredContainer[] => container.preStart ?? [];
const prepareId = ({ name }: DesiredContainer): string => `container.prepare ${name}`;
const isForOne = (init: DesiredContainer, { name }: DesiredContainer): boolean => init.name.startsWith(`${name}-`);

/** Whose mounts it has must have been made. */
const ownersOf = ({ mounts }: DesiredContainer): readonly string[] =>
  mounts.flatMap((mount) => (mount.kind === 'from' ? [`container.create ${mount.container}`] : []));

/** Where starting begins: nothing of it before those that the container needs are as it needs them. */
export const firstStartSteps = (draft: Draft, container: DesiredContainer): readonly string[] =>
  [...preparationOf(container).map(prepareId), `container.start ${container.name}`].filter((id) => draft.has(id));

/** Hooks of what runs: in one that is paused or waits for its restart nothing can be run. */
export function addStop(draft: Draft, live: LiveContainer, because: readonly Reason[], graceMs?: number): void {
  const hook = live.status === 'running' ? addHooks(draft, live.madeFrom, 'preStop', { because }) : undefined;
  draft.add(
    { kind: 'container.stop', container: live.name, ...(graceMs === undefined ? {} : { graceMs }) },
    hook === undefined ? because : [],
    hook === undefined ? [] : [hook],
  );
}

/** What others wait for when they need it started: its last hook, or the start itself. */
export function startedStep(draft: Draft, container: DesiredContainer): string | undefined {
  const start = `container.start ${container.name}`;
  if (!draft.has(start)) return undefined;
  const count = container.hooks?.postStart.length ?? 0;
  return count > 0 ? hookId(container.name, 'postStart', count) : start;
}

/** Where stopping begins: nothing of it before those who need the container have gone. */
export function firstStopStep(draft: Draft, name: string): string | undefined {
  const stop = `container.stop ${name}`;
  if (!draft.has(stop)) return undefined;
  const hook = hookId(name, 'preStop', 1);
  return draft.has(hook) ? hook : stop;
}
