/** What the file leaves unsaid: names, the default network, build defaults, dependencies that other attributes imply. */

import type { Lookup } from './interpolate.ts';
import { absolute } from './paths.ts';
import {
  child,
  childList,
  childMap,
  childText,
  entriesOf,
  isNull,
  type MapNode,
  type Mark,
  map,
  record,
  type SpecNode,
  scalar,
} from './tree.ts';

export interface DefaultsOptions {
  readonly projectName: string;
  /** Absent: values are left as they are written. */
  readonly lookup?: Lookup;
}

/** Values that belong to the long forms themselves; set after merging, or an override's silence would win. */
export function setDefaults(root: SpecNode, baseDir: string | undefined): void {
  for (const [, service] of entriesOf(childMap(root, 'services'))) {
    if (service.kind !== 'map') continue;
    const build = childMap(service, 'build');
    if (build !== undefined)
      setMissing(build, 'context', baseDir === undefined ? '.' : absolute('.', baseDir), build.mark);
    for (const port of childList(service, 'ports')?.items ?? []) {
      if (port.kind !== 'map') continue;
      setMissing(port, 'protocol', 'tcp', port.mark);
      setMissing(port, 'mode', 'ingress', port.mark);
    }
    setSecretTargets(childList(service, 'secrets')?.items ?? []);
    for (const [, dependency] of entriesOf(childMap(service, 'depends_on'))) {
      if (dependency.kind !== 'map') continue;
      setMissing(dependency, 'condition', 'service_started', dependency.mark);
      setMissing(dependency, 'required', true, dependency.mark);
    }
    setDeviceCounts(childList(service, 'gpus')?.items ?? []);
    const reservations = childMap(childMap(childMap(service, 'deploy'), 'resources'), 'reservations');
    setDeviceCounts(childList(reservations, 'devices')?.items ?? []);
  }
}

function setMissing(node: MapNode, key: string, value: string | boolean | SpecNode, mark: Mark): void {
  if (node.entries.has(key) && !isNull(child(node, key))) return;
  node.entries.set(key, { key: mark, value: typeof value === 'object' ? value : scalar(value, mark) });
}

function setSecretTargets(items: readonly SpecNode[]): void {
  for (const item of items) {
    const source = childText(item, 'source');
    if (item.kind === 'map' && source !== undefined) setMissing(item, 'target', `/run/secrets/${source}`, item.mark);
  }
}

function setDeviceCounts(items: readonly SpecNode[]): void {
  for (const item of items) {
    if (item.kind === 'map' && child(item, 'device_ids') === undefined) setMissing(item, 'count', 'all', item.mark);
  }
}

/** Names and what attributes imply: the step that `config --no-normalize` leaves out. */
export function normalize(root: SpecNode, options: DefaultsOptions): void {
  if (root.kind !== 'map') return;
  let usesDefault = false;
  for (const [, service] of entriesOf(childMap(root, 'services'))) {
    if (service.kind !== 'map') continue;
    usesDefault = joinDefault(service) || usesDefault;
    normalizeService(service, options);
  }
  if (usesDefault) {
    const networks = childMap(root, 'networks') ?? map(root.mark);
    if (child(root, 'networks')?.kind !== 'map') root.entries.set('networks', { key: root.mark, value: networks });
    if (!networks.entries.has('default')) networks.entries.set('default', { key: root.mark, value: map(root.mark) });
  }
  for (const section of ['networks', 'volumes', 'configs', 'secrets'])
    nameResources(childMap(root, section), options.projectName);
}

/** true: the service is on the project's default network. */
function joinDefault(service: MapNode): boolean {
  const networks = childMap(service, 'networks');
  if (networks !== undefined && networks.entries.size > 0) return networks.entries.has('default');
  const isElsewhere = childText(service, 'network_mode') !== undefined || child(service, 'provider') !== undefined;
  if (isElsewhere || networks?.damaged) return false;
  const made = map(service.mark, [['default', { key: service.mark, value: scalar(null, service.mark) }]]);
  service.entries.set('networks', { key: service.mark, value: made });
  return true;
}

function normalizeService(service: MapNode, options: DefaultsOptions): void {
  const policy = child(service, 'pull_policy');
  if (policy?.kind === 'scalar' && policy.value === 'if_not_present') policy.value = 'missing';
  const build = childMap(service, 'build');
  if (build !== undefined) {
    const inline = childText(build, 'dockerfile_inline');
    if (inline === undefined || inline === '') setMissing(build, 'dockerfile', 'Dockerfile', build.mark);
    if (options.lookup !== undefined) inherit(childMap(build, 'args'), options.lookup, true);
  }
  // One number with two names; what differs is refused later.
  const [scale, deploy] = [child(service, 'scale'), childMap(service, 'deploy')];
  if (scale?.kind === 'scalar' && scale.value !== null && deploy !== undefined)
    setMissing(deploy, 'replicas', { ...scale }, scale.mark);
  for (const hook of childList(service, 'pre_start')?.items ?? []) {
    const image = child(service, 'image');
    if (hook.kind === 'map' && image !== undefined) setMissing(hook, 'image', image, image.mark);
  }
  addDependencies(service);
}

/** A name without a value takes it from the project's environment. */
function inherit(pairs: MapNode | undefined, lookup: Lookup, dropUnknown: boolean): void {
  for (const [key, entry] of pairs?.entries ?? []) {
    if (!isNull(entry.value)) continue;
    const value = lookup(key);
    if (value !== undefined) entry.value = scalar(value, entry.value.mark);
    else if (dropUnknown) pairs?.entries.delete(key);
  }
}

/** Services take variables without a value from the environment; those of an include from its own. */
export function inheritEnvironment(model: SpecNode, lookup: Lookup): void {
  for (const [, service] of entriesOf(childMap(model, 'services')))
    inherit(childMap(service, 'environment'), lookup, false);
}

const NAMESPACES = ['network_mode', 'ipc', 'pid', 'uts', 'cgroup'];

function addDependencies(service: MapNode): void {
  const implied: { name: string; restart: boolean; mark: Mark }[] = [];
  for (const link of childList(service, 'links')?.items ?? []) {
    if (link.kind === 'scalar')
      implied.push({ name: String(link.value).split(':')[0]!, restart: true, mark: link.mark });
  }
  for (const key of NAMESPACES) {
    const node = child(service, key);
    if (node?.kind === 'scalar' && String(node.value).startsWith('service:')) {
      implied.push({ name: String(node.value).slice('service:'.length), restart: true, mark: node.mark });
    }
  }
  for (const from of childList(service, 'volumes_from')?.items ?? []) {
    if (from.kind === 'scalar' && !String(from.value).startsWith('container:')) {
      implied.push({ name: String(from.value).split(':')[0]!, restart: false, mark: from.mark });
    }
  }
  if (implied.length === 0) return;
  const dependsOn = childMap(service, 'depends_on') ?? map(service.mark);
  service.entries.set('depends_on', { key: dependsOn.mark, value: dependsOn });
  for (const { name, restart, mark } of implied) {
    const value = record(mark, { condition: 'service_started', restart: restart || undefined, required: true });
    if (!dependsOn.entries.has(name)) dependsOn.entries.set(name, { key: mark, value });
  }
}

function nameResources(section: MapNode | undefined, projectName: string): void {
  for (const [key, entry] of section?.entries ?? []) {
    if (isNull(entry.value)) entry.value = map(entry.key);
    if (entry.value.kind !== 'map') continue;
    const isExternal = ['true', 'yes', 'on', '1'].includes(childText(entry.value, 'external') ?? '');
    setMissing(entry.value, 'name', isExternal ? key : `${projectName}_${key}`, entry.key);
  }
}
