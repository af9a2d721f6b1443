/** The containers that a command is about, by what lives: from the file's services, or by labels alone. */
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer, LiveState } from '../model/live.ts';
import { type Dependencies, labelDependencies, noSuchService, projectDependencies } from '../plan/dependencies.ts';
import { hooks } from '../plan/desire/isolation.ts';
import { withHooks } from '../plan/hooks.ts';
import { belongs, isActive } from '../plan/inputs.ts';
import { isOneOff, numberOf, serviceOf } from '../plan/labels.ts';
import type { Context, Target } from './context.ts';

export interface Found {
  readonly live: LiveState;
  /** All of the project, one-offs too, by service and number. */
  readonly containers: readonly LiveContainer[];
  readonly dependencies: Dependencies;
}

export async function find({ engine }: Context, target: Target): Promise<Found> {
  const snapshot = await engine.snapshot({ project: target.name, networkDamage: false });
  const live = { ...snapshot, containers: snapshot.containers.map((container) => asFileSays(container, target)) };
  const containers = live.containers.filter((container) => belongs(container, target.name));
  const dependencies = target.project ? projectDependencies(target.project) : labelDependencies(containers);
  return { live, containers: containers.sort(byServiceAndNumber), dependencies };
}

/** Hooks are the file's where there is one. */
function asFileSays(container: LiveContainer, { name, project }: Target): LiveContainer {
  const service = belongs(container, name) ? project?.services[serviceOf(container)] : undefined;
  return service ? withHooks(container, hooks({ service })) : container;
}

/** By code units: localeCompare loads the rules of a language first. */
const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
const byServiceAndNumber = (a: LiveContainer, b: LiveContainer): number =>
  byText(serviceOf(a), serviceOf(b)) || Number(isOneOff(a)) - Number(isOneOff(b)) || numberOf(a) - numberOf(b);

/** Containers of services, without one-offs. None named: of all that the file has; without a file, all. */
export function ofServices(found: Found, target: Target, services: readonly string[] = []): readonly LiveContainer[] {
  checkServices(found, target, services);
  const known = services.length > 0 ? new Set(services) : target.project && fileServices(target.project);
  return found.containers.filter((live) => !isOneOff(live) && (known?.has(serviceOf(live)) ?? true));
}

/**
 * As ofServices, for what starts containers: one of a profile that is not active starts only when its service is named; that it
 * runs is respected.
 */
export function startable(found: Found, target: Target, services: readonly string[] = []): readonly LiveContainer[] {
  const disabled = services.length > 0 ? {} : (target.project?.disabledServices ?? {});
  return ofServices(found, target, services).filter(
    (live) => isActive(live) || !Object.hasOwn(disabled, serviceOf(live)),
  );
}

const fileServices = (project: NonNullable<Target['project']>): ReadonlySet<string> =>
  new Set([...Object.keys(project.services), ...Object.keys(project.disabledServices)]);

export function checkServices(
  found: Found,
  { name: project, project: file }: Target,
  services: readonly string[],
): void {
  for (const name of services) {
    if (found.containers.some((live) => serviceOf(live) === name)) continue;
    if (file && (Object.hasOwn(file.services, name) || Object.hasOwn(file.disabledServices, name))) continue;
    if (file) throw noSuchService(file, name);
    throw new TcomposeError(`no such service: ${name}`, {
      code: 'no-such-service',
      address: `service/${name}`,
      help: `project ${project} has: ${[...new Set(found.containers.map(serviceOf))].join(', ') || 'no containers'}`,
    });
  }
}

/** The replica of a service that a command speaks to: the one with the number; without one, or with 0 as Compose has it, the lowest. */
export function oneOf(found: Found, target: Target, service: string, index?: number): LiveContainer {
  checkServices(found, target, [service]);
  const all = found.containers.filter((live) => serviceOf(live) === service);
  const chosen = !index ? all[0] : all.find((live) => !isOneOff(live) && numberOf(live) === index);
  if (chosen) return chosen;
  throw notRunning(service, index);
}

export function notRunning(service: string, index?: number, status?: string): TcomposeError {
  if (status === 'restarting')
    return new TcomposeError(`service "${service}" is restarting`, {
      code: 'not-running',
      address: `service/${service}`,
      help: `wait until it runs; why it ended:\n  tcompose logs ${service}`,
    });
  const which = !index ? '' : ` container #${index}`;
  return new TcomposeError(`service "${service}" is not running${which}`, {
    code: 'not-running',
    address: `service/${service}`,
    help: `start it:\n  tcompose up -d ${service}`,
  });
}
