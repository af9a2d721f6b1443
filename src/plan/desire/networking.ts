/** How a container is reached and what it calls others: networks, aliases, links, published ports, extra hosts. */
import { defaultBridge } from '../../model/default-bridge.ts';
import type { DesiredAttachment, DesiredContainer, DesiredPort } from '../../model/desired.ts';
import type { NetworkAttachment, Port, Project } from '../../model/project.ts';
import { containerName, containerNames, firstContainer, refuse, type ServiceScope } from './scope.ts';

export function networkMode(scope: ServiceScope): DesiredContainer['networkMode'] {
  const mode = scope.service.network_mode;
  if (mode === undefined || mode === '') return { kind: 'bridge' };
  if (mode === 'none' || mode === 'host') return { kind: mode };
  if (mode.startsWith('container:')) return { kind: 'container', container: mode.slice('container:'.length) };
  if (mode.startsWith('service:')) {
    return { kind: 'container', container: firstContainer(scope, mode.slice('service:'.length), ['network_mode']) };
  }
  return { kind: 'bridge' };
}

/** The network that a mode stands for: the default bridge, or one by its full name, as Docker takes it. */
export function networkOfMode(mode: string | undefined): string | undefined {
  if (!mode || mode === 'none' || mode === 'host' || /^(container|service):/.test(mode)) return undefined;
  return mode === 'default' ? defaultBridge.name : mode;
}

/** Names on the networks of a service: without the container's own, which comes first in each container. */
export function attachments(scope: ServiceScope): readonly DesiredAttachment[] {
  if (scope.service.network_mode) return ofMode(scope, networkOfMode(scope.service.network_mode));
  const entries = Object.entries(scope.service.networks ?? { default: null });
  // Compose's rule: the service's address is the one on the network of the highest priority.
  const [main] =
    entries.toSorted(([keyA, a], [keyB, b]) => (b?.priority ?? 0) - (a?.priority ?? 0) || (keyA < keyB ? -1 : 1))[0] ??
    [];
  return entries.sort(byWayOut(scope.project)).map(([key, attachment]) => ({
    network: networkName(scope.project, key),
    aliases: [scope.name, ...(scope.service.hostname ? [scope.service.hostname] : []), ...(attachment?.aliases ?? [])],
    ...addresses(attachment, key === main ? scope.service.mac_address : undefined),
  }));
}

function ofMode({ name, service }: ServiceScope, network: string | undefined): readonly DesiredAttachment[] {
  if (network === undefined) return [];
  const mac = service.mac_address;
  return [{ network, aliases: network === defaultBridge.name ? [] : [name], ...(mac ? { mac } : {}) }];
}

const addresses = (
  attachment: NetworkAttachment | null,
  serviceMac: string | undefined,
): Partial<DesiredAttachment> => {
  const mac = attachment?.mac_address ?? serviceMac;
  const options = attachment?.driver_opts ?? {};
  const interfaceName = attachment?.interface_name || options['com.docker.network.endpoint.ifname'];
  const settings = options['com.docker.network.endpoint.sysctls'];
  return {
    ...(attachment?.ipv4_address ? { ipv4: attachment.ipv4_address } : {}),
    ...(attachment?.ipv6_address ? { ipv6: attachment.ipv6_address } : {}),
    ...(mac ? { mac } : {}),
    ...(interfaceName ? { interfaceName } : {}),
    ...(attachment?.link_local_ips?.length ? { linkLocalIps: attachment.link_local_ips } : {}),
    ...(settings ? { sysctls: interfaceSettings(settings) } : {}),
  };
};

/** `net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.forwarding=0`: as Docker writes them. */
const interfaceSettings = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text.split(',').map((setting) => {
      const [key = '', value = ''] = setting.split(/=(.*)/s);
      return [key.trim(), value.trim()];
    }),
  );

export const networkName = (project: Project, key: string): string =>
  project.networks[key]?.name ?? `${project.name}_${key}`;

type Entry = readonly [string, NetworkAttachment | null];

/** The first gives the default route and takes the ports: gw_priority, then a way out, then the name on the host (as Docker; `priority` has no say). */
const byWayOut =
  (project: Project) =>
  ([keyA, a]: Entry, [keyB, b]: Entry): number =>
    (b?.gw_priority ?? 0) - (a?.gw_priority ?? 0) ||
    Number(project.networks[keyA]?.internal === true) - Number(project.networks[keyB]?.internal === true) ||
    (networkName(project, keyA) < networkName(project, keyB) ? -1 : 1);

/** Every container of the linked service answers to the alias, the service's name, `db-1` and its own name. */
export function links(scope: ServiceScope): DesiredContainer['links'] {
  const own = (scope.service.links ?? []).flatMap((text) => {
    const [service = '', alias = service] = text.split(':');
    return containerNames(scope, service).map((container, index) => ({
      container,
      aliases: distinct([alias, service, `${service}-${index + 1}`, container]),
    }));
  });
  const external = (scope.service.external_links ?? []).map((text) => {
    const [container = '', alias = container] = text.split(':');
    return { container, aliases: distinct([alias, container]) };
  });
  const merged = new Map<string, readonly string[]>();
  for (const { container, aliases } of [...own, ...external]) {
    merged.set(container, distinct([...(merged.get(container) ?? []), ...aliases]));
  }
  return [...merged].map(([container, aliases]) => ({ container, aliases }));
}

export const distinct = (names: readonly string[]): readonly string[] => [...new Set(names)];

export function ports(scope: ServiceScope): readonly DesiredPort[] {
  const listed = scope.service.ports ?? [];
  if (listed.length === 0) return [];
  const mode = scope.service.network_mode;
  if (mode === 'host') {
    scope.warn(`service ${scope.name} uses the host's network: its published ports are the host's own`);
    return [];
  }
  if (!mode && isCutOff(scope)) {
    scope.warn(`service ${scope.name} is on internal networks only: its published ports lead nowhere`);
  }
  const routed = mode ? undefined : routedNetwork(scope);
  if (routed !== undefined) {
    scope.warn(
      `service ${scope.name} is on the routed network ${routed}: its published ports are open at its own address, and lead nowhere from the host's`,
    );
  }
  const lan = mode ? undefined : uponParent(scope);
  if (lan !== undefined) {
    scope.warn(
      `service ${scope.name} has an address of its own on the ${lan.driver} network ${lan.key}: its ports are open there, and none is published`,
    );
    return [];
  }
  const binding = hostBinding(scope);
  return listed.map((port) => desiredPort(port, binding));
}

const isCutOff = ({ project, service }: ServiceScope): boolean =>
  Object.keys(service.networks ?? { default: null }).every((key) => project.networks[key]?.internal === true);

/** The network of its way out, by which published ports lead in. */
function wayOut({ project, service }: ServiceScope) {
  const entries = Object.entries(service.networks ?? { default: null }).sort(byWayOut(project));
  const key = entries.find(([name]) => project.networks[name]?.internal !== true)?.[0];
  return key === undefined ? undefined : { key, network: project.networks[key] };
}

/** That one, if it is upon an interface of the host's: nobody comes in by way of this host. */
function uponParent(scope: ServiceScope): { readonly key: string; readonly driver: string } | undefined {
  const way = wayOut(scope);
  const driver = way?.network?.driver;
  return way && (driver === 'macvlan' || driver === 'ipvlan') ? { key: way.key, driver } : undefined;
}

/** Its key, if the host translates no addresses of IPv4 for it. */
function routedNetwork(scope: ServiceScope): string | undefined {
  const way = wayOut(scope);
  return way?.network?.driver_opts?.['com.docker.network.bridge.gateway_mode_ipv4'] === 'routed' ? way.key : undefined;
}

/** Where ports are published that say nothing of it: the option of the network that leads outside. */
function hostBinding(scope: ServiceScope): string {
  const options = scope.service.network_mode ? undefined : wayOut(scope)?.network?.driver_opts;
  return options?.['com.docker.network.bridge.host_binding_ipv4'] ?? '';
}

function desiredPort(port: Port, binding: string): DesiredPort {
  const [first = 0, last = first] = (port.published ?? '').split('-').filter(Boolean).map(Number);
  return {
    protocol: (port.protocol ?? 'tcp') as DesiredPort['protocol'],
    target: port.target,
    hostIp: port.host_ip || (binding === '0.0.0.0' ? '' : binding),
    published: first === last ? first : 0,
    ...(first === last ? {} : { range: { first, last } }),
  };
}

export const extraHosts = ({ service }: ServiceScope): DesiredContainer['extraHosts'] =>
  (service.extra_hosts ?? []).map((entry) => {
    const split = entry.search(/[=:]/);
    return { host: entry.slice(0, split), address: entry.slice(split + 1).replace(/^\[(.*)\]$/, '$1') };
  });

/** Two of the project's containers cannot have one port of the host: said before anything is touched. */
export function checkPorts(project: Project, containers: readonly (readonly [ServiceScope, DesiredContainer])[]): void {
  const taken = new Map<string, { readonly container: string; readonly hostIp: string }[]>();
  for (const [scope, container] of containers) {
    for (const [index, { published, protocol, hostIp }] of container.ports.entries()) {
      if (published === 0) continue;
      const key = `${published}/${protocol}`;
      const others = taken.get(key) ?? [];
      const clash = others.find((other) => overlap(other.hostIp, hostIp));
      if (clash) throw portClash(scope, key, [clash.container, container.name], index, project);
      taken.set(key, [...others, { container: container.name, hostIp }]);
    }
  }
}

const isAny = (ip: string) => ip === '0.0.0.0' || ip === '::';
/** `0.0.0.0` and `::` are one family's each: many files have both. */
const overlap = (a: string, b: string) =>
  a === b || a === '' || b === '' || (a.includes(':') === b.includes(':') && (isAny(a) || isAny(b)));

function portClash(scope: ServiceScope, key: string, names: readonly string[], index: number, project: Project) {
  const replicated = names[0] === containerName(project, scope.name, 1);
  return refuse(scope, `port ${key} of the host cannot belong to both ${names[0]} and ${names[1]}`, ['ports', index], {
    code: 'port-conflict',
    help: replicated
      ? 'leave the host port out, or give a range as long as the number of replicas'
      : 'publish one of them elsewhere',
  });
}
