/** Commands that a container runs after its start and before its stop: steps of their own, in the order of the file. */
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

/** The start and all that follows it before others may count on the container. */
export function addStartSteps(
  draft: Draft,
  container: DesiredContainer,
  because: readonly Reason[],
  after: Iterable<string> = [],
): void {
  const start = draft.add({ kind: 'container.start', container: container.name }, because, after);
  addHooks(draft, container, 'postStart', { after: start, because: [] });
}

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
