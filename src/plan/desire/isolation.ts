/** What a container shares with the host or with others, and which devices it is given. */
import type { DesiredContainer, DesiredDevice, NamespaceOf } from '../../model/desired.ts';
import { findService, firstContainer, refuse, type ServiceScope } from './scope.ts';

type Namespaces = NonNullable<DesiredContainer['namespaces']>;

/** Undefined: all of its own, which is the default of each. */
export function namespaces(scope: ServiceScope): DesiredContainer['namespaces'] {
  const { ipc, pid, uts, cgroup, userns_mode: user } = scope.service;
  const result: Namespaces = {
    ...(ipc && ipc !== 'private' && { ipc: ipc === 'none' ? { kind: 'none' } : sharing(scope, 'ipc', ipc) }),
    ...(pid && pid !== 'private' && { pid: sharing(scope, 'pid', pid) }),
    ...(uts && uts !== 'private' && { uts: sharing(scope, 'uts', uts) }),
    ...(cgroup === 'host' && { cgroup: { kind: 'host' } }),
    ...(user && user !== 'host' && { user: userNamespace(scope, user) }),
  };
  return Object.keys(result).length > 0 ? result : undefined;
}

/** As many as a system's own users and groups have: subuid(5). */
const DEFAULT_IDS = 65_536;
const MAX_IDS = 2 ** 31;

/** In podman's words. What Docker refuses beside a user namespace is refused here, at its line. */
function userNamespace(scope: ServiceScope, mode: string): NonNullable<Namespaces['user']> {
  const [, size] = /^auto(?::size=([0-9]{1,10}))?$/.exec(mode) ?? [];
  if (mode !== 'private' && mode !== 'auto' && (size === undefined || Number(size) < 1 || Number(size) > MAX_IDS)) {
    throw refuse(scope, `userns_mode of service ${scope.name} cannot be "${mode}"`, ['userns_mode'], {
      code: 'bad-value',
      help: 'use host, private, auto or auto:size=65536',
    });
  }
  const { privileged, pid, ipc, network_mode: network, cgroup } = scope.service;
  const shared: readonly (readonly [key: string, isHost: boolean])[] = [
    ['privileged', privileged === true],
    ['pid', pid === 'host'],
    ['ipc', ipc === 'host'],
    ['network_mode', network === 'host'],
    ['cgroup', cgroup === 'host'],
  ];
  const [key] = shared.find(([, isHost]) => isHost) ?? [];
  if (key !== undefined) {
    const what = key === 'privileged' ? key : `${key}: host`;
    throw refuse(scope, `service ${scope.name} cannot have ${what} beside userns_mode: ${mode}`, [key], {
      code: 'namespace-conflict',
      help: `remove one of them: root of a user namespace has no rights over what is the host's`,
    });
  }
  const stranger = DONATED.find((key) => scope.service[key] && !isMappedDonor(scope, scope.service[key]));
  if (stranger !== undefined) {
    const text = `service ${scope.name} has a user namespace, and ${scope.service[stranger]}, whose ${stranger} it shares, has none`;
    throw refuse(scope, text, [stranger], {
      code: 'namespace-conflict',
      help: `give both the same userns_mode, or neither`,
    });
  }
  return mode === 'private' ? { kind: 'private' } : { kind: 'auto', size: Number(size ?? DEFAULT_IDS) };
}

const DONATED = ['network_mode', 'pid', 'ipc', 'uts'] as const;

/** Containers of other projects are looked at when it starts. */
function isMappedDonor({ project }: ServiceScope, mode: string): boolean {
  const [, name] = /^service:(.+)$/s.exec(mode) ?? [];
  const donor = name === undefined ? undefined : findService(project, name);
  return donor === undefined || !['', 'host'].includes(donor.userns_mode ?? '');
}

function sharing(scope: ServiceScope, key: 'ipc' | 'pid' | 'uts', mode: string): NamespaceOf {
  const [kind, name = ''] = mode.split(/:(.*)/s);
  if (mode === 'host' || (mode === 'shareable' && key === 'ipc')) return { kind: mode };
  if (kind === 'service' && name) return { kind: 'container', container: firstContainer(scope, name, [key]) };
  if (kind === 'container' && name) return { kind: 'container', container: name };
  throw refuse(scope, `${key} of service ${scope.name} cannot be "${mode}"`, [key], {
    code: 'bad-value',
    help: `use host, service:NAME or container:NAME`,
  });
}

interface DeviceRequest {
  readonly driver?: string;
  readonly count?: number | 'all';
  readonly device_ids?: readonly string[];
}

/** `vendor.com/class=name` (the Container Device Interface's qualified names) instead of a path. */
const CDI_NAME = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*=\S+$/;

export const devices = ({ service }: ServiceScope): readonly DesiredDevice[] =>
  (service.devices ?? [])
    .filter(({ source }) => !CDI_NAME.test(source))
    .map(({ source, target, permissions }) => ({
      source,
      target: target || source,
      permissions: permissions || 'rwm',
    }));

/** From `devices`, `gpus` and the reservations of `deploy`; a request for GPUs without a driver is NVIDIA's, as in Docker. */
export function cdiDevices({ service }: ServiceScope): readonly string[] {
  const reserved = (service.deploy?.resources as { reservations?: { devices?: readonly DeviceRequest[] } } | undefined)
    ?.reservations?.devices;
  const requests = [...((service.gpus ?? []) as readonly DeviceRequest[]), ...(reserved ?? [])];
  const named = (service.devices ?? []).map(({ source }) => source).filter((source) => CDI_NAME.test(source));
  return [...new Set([...named, ...requests.flatMap(cdiNames)])];
}

function cdiNames({ driver, count, device_ids: ids }: DeviceRequest): readonly string[] {
  if (driver === 'cdi') return ids ?? [];
  const prefix = `${driver && driver !== 'nvidia' ? `${driver}.com` : 'nvidia.com'}/gpu`;
  if (ids !== undefined) return ids.map((id) => `${prefix}=${id}`);
  if (count === undefined || count === 'all' || count < 0) return [`${prefix}=all`];
  return Array.from({ length: count }, (_, index) => `${prefix}=${index}`);
}

/** Undefined: none. */
export function hooks({ service }: Pick<ServiceScope, 'service'>): DesiredContainer['hooks'] {
  const { post_start: postStart = [], pre_stop: preStop = [] } = service;
  if (postStart.length + preStop.length === 0) return undefined;
  return { postStart: postStart.map(hook), preStop: preStop.map(hook) };
}

function hook(one: NonNullable<ServiceScope['service']['post_start']>[number]) {
  const env = Object.entries(one.environment ?? {}).flatMap(([key, value]) =>
    value === null ? [] : [[key, value] as const],
  );
  return {
    argv: one.command,
    privileged: one.privileged === true,
    env: Object.fromEntries(env),
    ...(one.user ? { user: one.user } : {}),
    ...(one.working_dir ? { workingDir: one.working_dir } : {}),
  };
}
