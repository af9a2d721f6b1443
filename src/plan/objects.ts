/** Networks and volumes: which are missing, damaged, different or not wanted any more. */

import { isDefaultBridge } from '../model/default-bridge.ts';
import type { DesiredNetwork, DesiredVolume } from '../model/desired.ts';
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer, LiveNetwork, LiveVolume } from '../model/live.ts';
import type { Reason } from '../model/plan.ts';
import { type Difference, labelsDiffer, networkDifferences, volumeDifferences } from './compare.ts';
import { holdsData } from './data-loss.ts';
import type { Draft } from './draft.ts';
import { belongs, type Inputs, isActive } from './inputs.ts';
import { projectOf } from './labels.ts';
import { changed, missing, reasonsOfDamage } from './reasons.ts';

export type Fate = { readonly kind: 'create' | 'replace'; readonly because: readonly Reason[] };

/** Address (`network/shop_front`, `volume/shop_data`) → what becomes of it; what stays as it is has no entry. */
export type Fates = ReadonlyMap<string, Fate>;

export function objectFates(inputs: Inputs, draft: Draft): Fates {
  return new Map([...networkFates(inputs, draft), ...volumeFates(inputs, draft)]);
}

type Entry = readonly [string, Fate];

function networkFates(inputs: Inputs, draft: Draft): readonly Entry[] {
  return inputs.desire.state.networks.flatMap((wanted) => {
    const live = inputs.networks.get(wanted.name);
    const differences = live ? networkDifferences(wanted, live.madeFrom) : [];
    return fate(inputs, draft, { kind: 'network', wanted, live, differences });
  });
}

function volumeFates(inputs: Inputs, draft: Draft): readonly Entry[] {
  return inputs.desire.state.volumes.flatMap((wanted) => {
    const live = inputs.volumes.get(wanted.name);
    const differences = live ? volumeDifferences(wanted, live.madeFrom) : [];
    return fate(inputs, draft, { kind: 'volume', wanted, live, differences });
  });
}

interface Candidate {
  readonly kind: 'network' | 'volume';
  readonly wanted: DesiredNetwork | DesiredVolume;
  readonly live: LiveNetwork | LiveVolume | undefined;
  readonly differences: readonly Difference[];
}

function fate(
  { desire, choices }: Inputs,
  draft: Draft,
  { kind, wanted, live, differences }: Candidate,
): readonly Entry[] {
  const address = `${kind}/${wanted.name}`;
  if (!live) {
    if (wanted.external) throw externalMissing(kind, wanted.name, desire.origin.at(address, []));
    return [[address, { kind: 'create', because: [missing(desire.origin.at(address, []))] }]];
  }
  // The default bridge is everybody's.
  if (wanted.external || (kind === 'network' && isDefaultBridge(wanted.name))) return [];
  if (isForeign(live, desire.state.project)) {
    draft.warn(foreignText(kind, wanted.name));
    return [];
  }
  if (differences.length === 0) {
    if (labelsDiffer(wanted, live.madeFrom)) draft.warn(labelText(kind, wanted.name));
    return [];
  }
  if (choices.noRecreate) return [];
  if (choices.keep?.has(address)) {
    draft.warn(`${kind} ${wanted.name} is kept with its data, although the file describes another one`);
    return [];
  }
  return [[address, { kind: 'replace', because: changed(differences, address, desire.origin) }]];
}

const isForeign = (live: Parameters<typeof projectOf>[0], project: string) => projectOf(live) !== project;

const foreignText = (kind: string, name: string) =>
  `${kind} ${name} was not made by this project: it is used as it is (say so with "external: true")`;

const labelText = (kind: string, name: string) =>
  `labels of ${kind} ${name} differ from the file; they are set when it is made`;

function externalMissing(kind: string, name: string, at: Reason['at']): TcomposeError {
  return new TcomposeError(`${kind} ${name} is declared as external, but could not be found`, {
    code: `external-${kind}-missing`,
    address: `${kind}/${name}`,
    help: 'let the project that owns it make it, or remove "external: true"',
    ...(at ? { at } : {}),
  });
}

/** Stopping those who use it comes first; what they rest on afterwards are these steps. */
export function addObjectSteps(inputs: Inputs, fates: Fates, draft: Draft): void {
  const { desire, networks, containers } = inputs;
  const users = [...containers.values()];
  for (const network of desire.state.networks) {
    const fate = fates.get(`network/${network.name}`);
    const { damage = [], clash } = networks.get(network.name) ?? {};
    if (clash !== undefined && !fate) draft.warn(clashText(network.name, clash));
    if (fate) {
      const stops = fate.kind === 'replace' ? stopsOf(users.filter((live) => attachedTo(live, network.name))) : [];
      if (fate.kind === 'replace') draft.add({ kind: 'network.remove', network: network.name }, fate.because, stops);
      draft.add({ kind: 'network.create', network }, fate.kind === 'create' ? fate.because : [], [
        `network.remove ${network.name}`,
      ]);
    } else if (damage.length > 0) {
      draft.add({ kind: 'network.repair', network: network.name }, reasonsOfDamage(damage));
    }
  }
  for (const volume of desire.state.volumes) {
    const fate = fates.get(`volume/${volume.name}`);
    if (!fate) continue;
    if (fate.kind === 'replace') {
      const stops = stopsOf(users.filter((live) => mounting(live, volume.name)));
      const action = { kind: 'volume.remove', volume: volume.name, replacing: true } as const;
      draft.add(action, fate.because, stops, holdsData(inputs.volumes.get(volume.name)!.madeFrom));
    }
    draft.add({ kind: 'volume.create', volume }, fate.kind === 'create' ? fate.because : [], [
      `volume.remove ${volume.name}`,
    ]);
  }
}

const clashText = (name: string, clash: string) =>
  `network ${name}: ${clash}; made anew it gets a free subnet, or the one of its ipam: tcompose down && tcompose up`;

const stopsOf = (users: readonly LiveContainer[]) =>
  users.filter(isActive).map((live) => `container.stop ${live.name}`);

export const attachedTo = (live: LiveContainer, network: string): boolean =>
  live.madeFrom.attachments.some((attachment) => attachment.network === network);

/** By volumes_from too: what its mounts became counts. */
export const mounting = (live: LiveContainer, volume: string): boolean =>
  live.mounts.some((mount) => mount.kind === 'volume' && mount.source === volume) ||
  live.madeFrom.mounts.some((mount) => mount.kind === 'volume' && mount.volume === volume);

/** Of a container that the file has: after either it is on no other network than the file says. */
const USER_STEPS = ['container.create', 'container.update'] as const;

/** Networks that the project made and its file has no longer, once nothing uses them. */
export function addUnwantedNetworks(inputs: Inputs, leaving: ReadonlySet<string>, draft: Draft): void {
  const { desire, networks, containers, wanted } = inputs;
  const project = desire.state.project;
  for (const live of networks.values()) {
    if (isForeign(live, project) || live.madeFrom.external || desire.knownNetworks.has(live.name)) continue;
    const users = [...containers.values()].filter((user) => attachedTo(user, live.name));
    const staying = users.filter(
      (user) => !leaving.has(user.name) && (!wanted.has(user.name) || !belongs(user, project)),
    );
    const kept = users.filter(
      ({ name }) => wanted.has(name) && !USER_STEPS.some((kind) => draft.has(`${kind} ${name}`)),
    );
    if (staying.length + kept.length > 0) continue;
    const after = users.flatMap(({ name }) => ['container.remove', ...USER_STEPS].map((kind) => `${kind} ${name}`));
    draft.add({ kind: 'network.remove', network: live.name }, [{ code: 'unwanted', text: 'not in the file' }], after);
  }
}
