/** A plan while it is being written: steps by their readable names, and what each rests on. */
import { invariant } from '../model/errors.ts';
import type { Action, Plan, Reason, Step } from '../model/plan.ts';
import { hookId } from './hooks.ts';

export interface Draft {
  /** Adds a step, or more reasons and conditions to the one of that name; gives its id. */
  add(action: Action, because: readonly Reason[], after?: Iterable<string>, losesData?: boolean): string;
  has(id: string): boolean;
  /** More that a step waits for. */
  hold(id: string, after: Iterable<string>): void;
  /** Makes these wait for what any of them waits for: they are ready together, and so given to the engine in one call. */
  align(ids: Iterable<string>): void;
  isEmpty(): boolean;
  warn(text: string): void;
  /** Conditions first, otherwise as added. Ids that never became steps are dropped from conditions. */
  finish(): Plan;
}

export function stepId(action: Action): string {
  switch (action.kind) {
    case 'network.create':
      return `network.create ${action.network.name}`;
    case 'network.repair':
    case 'network.remove':
      return `${action.kind} ${action.network}`;
    case 'volume.create':
      return `volume.create ${action.volume.name}`;
    case 'volume.remove':
      return `volume.remove ${action.volume}`;
    case 'image.pull':
    case 'image.push':
    case 'image.build':
    case 'image.remove':
      return `${action.kind} ${action.image}`;
    case 'container.create':
    case 'container.update':
      return `${action.kind} ${action.container.name}`;
    case 'container.await':
      return `container.await ${action.container} ${action.condition}${action.required ? '' : ' (optional)'}`;
    case 'container.hook':
      return hookId(action.container, action.when, action.number);
    default:
      return `${action.kind} ${action.container}`;
  }
}

interface Entry {
  readonly action: Action;
  readonly after: Set<string>;
  readonly because: Reason[];
  readonly losesData: boolean;
}

export function newDraft(project: string): Draft {
  const entries = new Map<string, Entry>();
  const warnings: string[] = [];
  return {
    add(action, because, after = [], losesData = false) {
      const id = stepId(action);
      const known = entries.get(id);
      if (known) {
        for (const condition of after) known.after.add(condition);
        known.because.push(...because);
      } else {
        entries.set(id, { action, after: new Set(after), because: [...because], losesData });
      }
      return id;
    },
    has: (id) => entries.has(id),
    hold(id, after) {
      const known = entries.get(id);
      invariant(known, `there is no step ${id}`);
      for (const condition of after) known.after.add(condition);
    },
    align(ids) {
      const members = [...ids].map((id) => entries.get(id)).filter((entry) => entry !== undefined);
      const after = new Set(members.flatMap((entry) => [...entry.after]));
      for (const entry of members) for (const condition of after) entry.after.add(condition);
    },
    isEmpty: () => entries.size === 0,
    warn: (text) => warnings.push(text),
    finish: () => ({ project, steps: sorted(entries), warnings }),
  };
}

function sorted(entries: ReadonlyMap<string, Entry>): readonly Step[] {
  const steps: Step[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (id: string, entry: Entry): void => {
    if (state.get(id) === 'done') return;
    invariant(state.get(id) !== 'open', `step ${id} waits for itself`);
    state.set(id, 'open');
    const after: string[] = [];
    for (const condition of entry.after) {
      const needed = entries.get(condition);
      if (!needed) continue;
      visit(condition, needed);
      after.push(condition);
    }
    state.set(id, 'done');
    const { action, because, losesData } = entry;
    steps.push({ id, action, after, because, ...(losesData ? { losesData } : {}) });
  };
  for (const [id, entry] of entries) visit(id, entry);
  return steps;
}
