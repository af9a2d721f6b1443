/** What `down` has to do: containers away, then the networks that nobody uses any more, volumes and images where asked for. */
import { defaultBridge } from '../model/default-bridge.ts';
import type { LiveContainer, LiveState } from '../model/live.ts';
import type { Plan } from '../model/plan.ts';
import { holdsData } from './data-loss.ts';
import { type Dependencies, withDependents } from './dependencies.ts';
import { type Draft, newDraft } from './draft.ts';
import { belongs } from './inputs.ts';
import { projectOf, serviceOf } from './labels.ts';
import { addRemoval, membersOf } from './lifecycle.ts';
import { attachedTo, mounting } from './objects.ts';
import { orderStops } from './order.ts';
import { requested, unwanted } from './reasons.ts';

export interface DownInputs {
  readonly project: string;
  readonly live: LiveState;
  readonly dependencies: Dependencies;
  /** Containers of other projects on the default bridge; absent: nobody of this project is on it. */
  readonly othersOnBridge?: readonly string[];
  /** Absent: there is no file, whatever carries the project's label goes. */
  readonly file?: {
    readonly services: ReadonlySet<string>;
    /** Full names of declared volumes that are not external. */
    readonly volumes: ReadonlySet<string>;
  };
}

export interface DownChoices {
  readonly services?: readonly string[];
  readonly volumes?: boolean;
  readonly removeOrphans?: boolean;
  readonly ignoreOrphans?: boolean;
  /** References, worked out by the caller. */
  readonly images?: readonly string[];
  readonly timeoutMs?: number;
}

export function planDown(inputs: DownInputs, choices: DownChoices = {}): Plan {
  const draft = newDraft(inputs.project);
  const { leaving, staying } = partition(inputs, choices, draft);
  for (const live of leaving) {
    addRemoval(draft, live, choices);
  }
  orderStops(draft, membersOf(leaving), inputs.dependencies);
  removeNetworks(inputs, leaving, staying, draft);
  removeDefaultBridge(inputs, leaving, staying, draft);
  if (choices.volumes) removeVolumes(inputs, leaving, staying, draft);
  const removals = leaving.map(({ name }) => `container.remove ${name}`);
  for (const image of choices.images ?? []) draft.add({ kind: 'image.remove', image }, [requested('--rmi')], removals);
  if (draft.isEmpty()) draft.warn(`no resource found to remove for project "${inputs.project}"`);
  return draft.finish();
}

function partition({ project, live, dependencies, file }: DownInputs, choices: DownChoices, draft: Draft) {
  const named = choices.services?.length ? withDependents(choices.services, dependencies) : undefined;
  const leaving: LiveContainer[] = [];
  const staying: LiveContainer[] = [];
  const orphans: string[] = [];
  for (const container of [...live.containers].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const service = serviceOf(container);
    const isKnown = !file || file.services.has(service);
    const isOrphan = belongs(container, project) && !isKnown;
    const goes = isOrphan
      ? choices.removeOrphans === true && !named
      : belongs(container, project) && (named?.has(service) ?? true);
    (goes ? leaving : staying).push(container);
    if (isOrphan && !goes) orphans.push(container.name);
  }
  if (orphans.length > 0 && !choices.ignoreOrphans && !named) {
    draft.warn(
      `orphan containers stay (${orphans.join(', ')}): the file has no such service; remove them with --remove-orphans`,
    );
  }
  return { leaving, staying };
}

type Containers = readonly LiveContainer[];

function removeNetworks({ project, live }: DownInputs, leaving: Containers, staying: Containers, draft: Draft): void {
  for (const network of live.networks) {
    if (projectOf(network) !== project || network.madeFrom.external) continue;
    const users = staying.filter((container) => attachedTo(container, network.name));
    if (users.length > 0) {
      draft.warn(`network ${network.name} stays: ${users.map(({ name }) => name).join(', ')} still uses it`);
      continue;
    }
    const after = leaving
      .filter((container) => attachedTo(container, network.name))
      .map(({ name }) => `container.remove ${name}`);
    draft.add({ kind: 'network.remove', network: network.name }, [requested()], after);
  }
}

/** Nobody's: it goes with the last container on it, whosever that is. */
function removeDefaultBridge(
  { othersOnBridge = [] }: DownInputs,
  leaving: Containers,
  staying: Containers,
  draft: Draft,
): void {
  const { name: network } = defaultBridge;
  const users = leaving.filter((container) => attachedTo(container, network));
  if (users.length === 0 || othersOnBridge.length > 0 || staying.some((one) => attachedTo(one, network))) return;
  const after = users.map(({ name }) => `container.remove ${name}`);
  draft.add({ kind: 'network.remove', network }, [unwanted('no container is on it any more')], after);
}

/** With a file, only what it declares: a volume that was taken out of the file may hold what nobody wants to lose. */
function removeVolumes(
  { project, live, file }: DownInputs,
  leaving: Containers,
  staying: Containers,
  draft: Draft,
): void {
  for (const volume of live.volumes) {
    const isOurs = file ? file.volumes.has(volume.name) : projectOf(volume) === project;
    if (!isOurs || volume.anonymous || volume.madeFrom.external) continue;
    const users = staying.filter((container) => mounting(container, volume.name));
    if (users.length > 0) {
      draft.warn(`volume ${volume.name} stays: ${users.map(({ name }) => name).join(', ')} still uses it`);
      continue;
    }
    const after = leaving
      .filter((container) => mounting(container, volume.name))
      .map(({ name }) => `container.remove ${name}`);
    draft.add(
      { kind: 'volume.remove', volume: volume.name },
      [requested('--volumes')],
      after,
      holdsData(volume.madeFrom),
    );
  }
}
