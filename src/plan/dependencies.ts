/** Which service needs which, and how: from the file, or from the labels of containers where there is no file. */
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer } from '../model/live.ts';
import type { Dependency, Project, Service } from '../model/project.ts';
import { LABEL, serviceOf } from './labels.ts';

export interface Need {
  readonly service: string;
  readonly condition: Dependency['condition'];
  readonly required: boolean;
  /** Stop and start again when the other one is replaced or restarted. */
  readonly restart: boolean;
}

/** Service → what it needs. */
export type Dependencies = ReadonlyMap<string, readonly Need[]>;

/** Explicit depends_on, and those that links, volumes_from and shared namespaces imply; explicit ones win. */
export function projectDependencies(project: Project): Dependencies {
  const all = { ...project.disabledServices, ...project.services };
  return new Map(Object.entries(project.services).map(([name, service]) => [name, serviceNeeds(name, service, all)]));
}

function serviceNeeds(name: string, service: Service, known: Project['services']): readonly Need[] {
  const needs = new Map<string, Need>();
  for (const [other, need] of Object.entries(service.depends_on ?? {})) {
    needs.set(other, {
      service: other,
      condition: need.condition,
      required: need.required,
      restart: need.restart === true,
    });
  }
  for (const [other, restart] of impliedNeeds(service)) {
    if (needs.has(other) || other === name || !Object.hasOwn(known, other)) continue;
    needs.set(other, { service: other, condition: 'service_started', required: true, restart });
  }
  return [...needs.values()];
}

function* impliedNeeds(service: Service): Iterable<readonly [string, boolean]> {
  for (const mode of [service.network_mode, service.ipc, service.pid, service.uts, service.cgroup]) {
    if (mode?.startsWith('service:')) yield [mode.slice('service:'.length), true];
  }
  // A link is a name, and names follow their container: nobody needs a restart for that.
  for (const link of service.links ?? []) yield [link.split(':')[0]!, false];
  for (const from of service.volumes_from ?? []) {
    if (!from.startsWith('container:')) yield [from.split(':')[0]!, false];
  }
}

/** What was known when the containers were made. */
export function labelDependencies(containers: readonly LiveContainer[]): Dependencies {
  const result = new Map<string, readonly Need[]>();
  for (const container of containers) {
    const text = container.madeFrom.labels[LABEL.dependsOn] ?? '';
    const needs = text.split(',').filter(Boolean).map(parseNeed);
    result.set(serviceOf(container), needs);
  }
  return result;
}

function parseNeed(entry: string): Need {
  const [service = '', condition = 'service_started', restart] = entry.split(':');
  return { service, condition: condition as Need['condition'], required: true, restart: restart === 'true' };
}

/** The services and all that they need, directly or not. */
export function withNeeds(services: Iterable<string>, dependencies: Dependencies): ReadonlySet<string> {
  return closure(services, (name) => (dependencies.get(name) ?? []).map((need) => need.service));
}

/** The services and all that need them, directly or not. */
export function withDependents(services: Iterable<string>, dependencies: Dependencies): ReadonlySet<string> {
  const dependents = reverse(dependencies);
  return closure(services, (name) => dependents.get(name) ?? []);
}

function closure(start: Iterable<string>, next: (name: string) => readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>(start);
  // A set hands out what is added while it is walked: this is the whole queue.
  for (const name of seen) for (const other of next(name)) seen.add(other);
  return seen;
}

export function reverse(dependencies: Dependencies): ReadonlyMap<string, readonly string[]> {
  const result = new Map<string, string[]>();
  for (const [name, needs] of dependencies) {
    for (const need of needs) {
      const list = result.get(need.service);
      if (list) list.push(name);
      else result.set(need.service, [name]);
    }
  }
  return result;
}

/** Services in the order of starting, by name where nothing else decides; a cycle is an error that shows it. */
export function startOrder(services: Iterable<string>, dependencies: Dependencies): readonly string[] {
  const wanted = new Set(services);
  const order: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string, path: readonly string[]): void => {
    if (state.get(name) === 'done') return;
    if (state.get(name) === 'open') throw cycleError([...path.slice(path.indexOf(name)), name]);
    state.set(name, 'open');
    const needs = (dependencies.get(name) ?? []).map((need) => need.service).sort();
    for (const need of needs) if (wanted.has(need)) visit(need, [...path, name]);
    state.set(name, 'done');
    order.push(name);
  };
  for (const name of [...wanted].sort()) visit(name, []);
  return order;
}

function cycleError(cycle: readonly string[]): TcomposeError {
  return new TcomposeError(`services wait for each other: ${cycle.join(' → ')}`, {
    code: 'dependency-cycle',
    address: `service/${cycle[0]}`,
    help: 'remove one of these depends_on, links or volumes_from entries',
    exitCode: 2,
  });
}

export function noSuchService(project: Project, name: string): TcomposeError {
  const disabled = Object.hasOwn(project.disabledServices, name) ? project.disabledServices[name] : undefined;
  const profile = disabled?.profiles?.[0];
  return new TcomposeError(disabled ? `service ${name} is in no active profile` : `no such service: ${name}`, {
    code: disabled ? 'inactive-service' : 'no-such-service',
    address: `service/${name}`,
    help: profile ? `add --profile ${profile}` : `the file has: ${Object.keys(project.services).sort().join(', ')}`,
    exitCode: 2,
  });
}
