/** The networks and volumes that the wanted services use. */
import { defaultBridge, isDefaultBridge } from '../../model/default-bridge.ts';
import type { DesiredNetwork, DesiredVolume } from '../../model/desired.ts';
import { TcomposeError } from '../../model/errors.ts';
import type { Network, Project, Volume } from '../../model/project.ts';
import { resourceHash } from '../fingerprint.ts';
import { LABEL } from '../labels.ts';
import { volumeName } from './mounts.ts';
import { networkName, networkOfMode } from './networking.ts';

export function usedNetworks(project: Project, services: Iterable<string>, version: string): readonly DesiredNetwork[] {
  const keys = new Set<string>();
  const byMode = new Set<string>();
  for (const name of services) {
    const service = project.services[name]!;
    const named = networkOfMode(service.network_mode);
    if (named !== undefined) byMode.add(named);
    if (service.network_mode) continue;
    for (const key of Object.keys(service.networks ?? { default: null })) keys.add(key);
  }
  const own = [...keys].sort().map((key) => desiredNetwork(project, key, version));
  const more = [...byMode].sort().filter((name) => !own.some((network) => network.name === name));
  return [
    ...own,
    ...more.map((name) => (isDefaultBridge(name) ? defaultBridge : { ...defaultBridge, name, external: true })),
  ];
}

function desiredNetwork(project: Project, key: string, version: string): DesiredNetwork {
  const network: Network = project.networks[key] ?? { name: networkName(project, key) };
  if (isDefaultBridge(network.name)) return theDefaultBridge(project, key, network);
  onlyDriver(project, ['networks', key], network.driver, ['bridge', 'macvlan', 'ipvlan', 'default']);
  const ipam = (network.ipam?.config ?? []).map((pool) => ({
    ...(pool.subnet ? { subnet: pool.subnet } : {}),
    ...(pool.ip_range ? { ipRange: pool.ip_range } : {}),
    ...(pool.gateway ? { gateway: pool.gateway } : {}),
    ...(pool.aux_addresses ? { auxAddresses: { ...pool.aux_addresses } } : {}),
  }));
  return {
    name: network.name,
    external: network.external === true,
    driver: driverOf(network),
    internal: network.internal === true,
    enableIpv4: network.enable_ipv4 !== false,
    enableIpv6: network.enable_ipv6 === true,
    ipam,
    driverOpts: network.driver_opts ?? {},
    labels: ownLabels(project, network, version, { [LABEL.network]: key }),
  };
}

/** `default` and nothing mean a bridge. */
const driverOf = ({ driver }: Network): DesiredNetwork['driver'] =>
  driver === 'macvlan' || driver === 'ipvlan' ? driver : 'bridge';

/** Nobody declares it: Docker refuses that, too. */
function theDefaultBridge(project: Project, key: string, network: Network): DesiredNetwork {
  if (network.external === true) return defaultBridge;
  const at = project.at(['networks', key]);
  throw new TcomposeError(
    `the network ${key} cannot have the name ${network.name}: the engine has that network itself`,
    {
      code: 'network-predefined',
      help: 'choose another name; to use it, write "external: true", or network_mode: bridge in the services',
      exitCode: 2,
      ...(at ? { at } : {}),
    },
  );
}

export function usedVolumes(project: Project, services: Iterable<string>, version: string): readonly DesiredVolume[] {
  const keys = new Set<string>();
  for (const name of services) {
    for (const mount of project.services[name]!.volumes ?? []) {
      if (mount.type === 'volume' && mount.source !== undefined) keys.add(mount.source);
    }
  }
  return [...keys].sort().map((key) => desiredVolume(project, key, version));
}

function desiredVolume(project: Project, key: string, version: string): DesiredVolume {
  const volume: Volume = project.volumes[key] ?? { name: volumeName(project, key) };
  onlyDriver(project, ['volumes', key], volume.driver, ['local', 'default']);
  return {
    name: volume.name,
    external: volume.external === true,
    driver: 'local',
    driverOpts: volume.driver_opts ?? {},
    labels: ownLabels(project, volume, version, { [LABEL.volume]: key }),
  };
}

/** What belongs to somebody else is not labelled as ours. */
function ownLabels(project: Project, object: Network | Volume, version: string, key: Readonly<Record<string, string>>) {
  if (object.external) return {};
  const { name: _, ...identity } = object;
  return {
    ...object.labels,
    [LABEL.project]: project.name,
    ...key,
    [LABEL.configHash]: resourceHash(identity as Network),
    [LABEL.version]: version,
  };
}

function onlyDriver(
  project: Project,
  path: readonly [string, string],
  driver: string | undefined,
  known: readonly string[],
): void {
  if (!driver || known.includes(driver)) return;
  const at = project.at([...path, 'driver']);
  throw new TcomposeError(`driver "${driver}" of ${path[0].slice(0, -1)} ${path[1]} is not supported yet`, {
    code: 'not-yet',
    help: `leave the driver out, or write ${known[0]}`,
    exitCode: 2,
    ...(at ? { at } : {}),
  });
}
