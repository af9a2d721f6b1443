/**
 * The containers that have to end well before a service's own starts (pre_start): the service's container with another image, command,
 * user and environment. Each has the mounts of the replica it runs for, and its networks under a name of its own.
 */
import type { DesiredContainer } from '../../model/desired.ts';
import type { Hook, Service } from '../../model/project.ts';
import { LABEL } from '../labels.ts';
import { containerNames, imageRef, type ServiceScope } from './scope.ts';

type Template = (scope: ServiceScope) => Omit<DesiredContainer, 'name'>;

/** In the order of the file: those of all replicas, which share the mounts of the first, and those of `replica` alone. */
export function preStart(scope: ServiceScope, replica: string, template: Template): DesiredContainer['preStart'] {
  const { project, name, service } = scope;
  const [first = replica] = containerNames(scope, name);
  const all = (service.pre_start ?? []).flatMap((hook, index) => {
    const image = scope.images.get(hookImage(scope, hook));
    if (image === undefined) return [];
    const [owner, prefix] = hook.per_replica ? [replica, replica] : [first, `${project.name}-${name}`];
    const made = template({ ...scope, service: asService(service, hook), image });
    return [initContainer(made, { name: `${prefix}-pre_start-${index + 1}`, owner, slug: `pre_start-${index + 1}` })];
  });
  return all.length > 0 ? all : undefined;
}

export const hookImage = ({ project, name, service }: Pick<ServiceScope, 'project' | 'name' | 'service'>, hook: Hook) =>
  hook.image || imageRef(project, name, service);

/** What makes no sense for what ends at once, or would be in the way of the service itself, is left out. */
function asService(service: Service, hook: Hook): Service {
  const { ports: _, restart: __, entrypoint: ___, command: ____, container_name, deploy, ...kept } = service;
  const { post_start, pre_stop, pre_start, volumes, volumes_from, secrets, configs, tmpfs, ...rest } = kept;
  const { hostname, mac_address, stdin_open, tty, logging, ...own } = rest;
  const { restart_policy, ...limits } = deploy ?? {};
  return {
    ...own,
    ...(logging ? { logging } : {}),
    ...(deploy ? { deploy: limits } : {}),
    healthcheck: { disable: true },
    ...(hook.command?.length ? { command: hook.command } : {}),
    ...(hook.image ? { image: hook.image } : {}),
    ...(hook.user ? { user: hook.user } : {}),
    ...(hook.working_dir ? { working_dir: hook.working_dir } : {}),
    ...(hook.privileged ? { privileged: true } : {}),
    environment: { ...service.environment, ...hook.environment },
  };
}

/** Few labels: those that tell whose it is. What else changes on the service says nothing about this one. */
function initContainer(
  made: Omit<DesiredContainer, 'name'>,
  { name, owner, slug }: { readonly name: string; readonly owner: string; readonly slug: string },
): DesiredContainer {
  const kept = [LABEL.project, LABEL.service];
  return {
    ...made,
    name,
    labels: {
      ...Object.fromEntries(kept.map((key) => [key, made.labels[key] ?? ''])),
      [LABEL.oneoff]: 'True',
      [LABEL.slug]: slug,
      [LABEL.autoRemove]: 'True',
    },
    mounts: [{ kind: 'from', container: owner, readOnly: false, target: '' }],
    attachments: made.attachments.map(({ network }) => ({ network, aliases: [name] })),
  };
}
