/** Networks, for `tcompose network …`; keys as the docker CLI prints them. */
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer, LiveNetwork } from '../model/live.ts';
import { isActive } from '../plan/inputs.ts';
import type { Context } from './context.ts';
import { type NetworkFilter, passesAll } from './network-filter.ts';
import { labelWords, moment, withLabel } from './words.ts';

export interface NetworkRow {
  readonly ID: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Scope: string;
  readonly IPv4: string;
  readonly IPv6: string;
  readonly Internal: string;
  readonly Labels: string;
  readonly CreatedAt: string;
  /** Not in docker: the kernel's name of the bridge, or of the interface that it is upon, and its subnets. */
  readonly Bridge: string;
  readonly Parent: string;
  readonly Subnets: string;
}

export async function listNetworks(
  { engine }: Context,
  { filters = [], ...options }: { readonly project?: string; readonly filters?: readonly NetworkFilter[] } = {},
): Promise<readonly NetworkRow[]> {
  const { networks, containers } = await engine.snapshot({ ...options, networkDamage: false });
  return networks
    .filter((network) => passesAll(filters, network, containers))
    .map((network) => withLabel(row(network), network.madeFrom.labels))
    .sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

const row = ({ id, name, madeFrom, bridge, parent, subnets, createdAt }: LiveNetwork): NetworkRow => ({
  ID: id,
  Name: name,
  Driver: madeFrom.driver,
  Scope: 'local',
  IPv4: String(madeFrom.enableIpv4),
  IPv6: String(madeFrom.enableIpv6),
  Internal: String(madeFrom.internal),
  Labels: labelWords(madeFrom.labels),
  CreatedAt: moment(createdAt),
  Bridge: bridge,
  Parent: parent ?? '',
  Subnets: subnets.map(({ subnet }) => subnet).join(', '),
});

/** In `docker network inspect`'s shape; one error for each that is not there. */
export async function inspectNetworks(
  { engine }: Context,
  names: readonly string[],
): Promise<{ readonly found: readonly object[]; readonly missing: readonly TcomposeError[] }> {
  const { networks, containers } = await engine.snapshot({ networkDamage: false });
  const all = names.map((name) => find(networks, name));
  return {
    found: all.flatMap((network) => (network ? [inspection(network, containers)] : [])),
    missing: names
      .filter((_, i) => all[i] === undefined)
      .map(
        (name) =>
          new TcomposeError(`no such network: ${name}`, {
            code: 'no-such-network',
            help: 'see `tcompose network ls`',
          }),
      ),
  };
}

/** By its name before the beginning of another one's id. */
function find(networks: readonly LiveNetwork[], name: string): LiveNetwork | undefined {
  const beginning = networks.filter(({ id }) => name !== '' && id.startsWith(name));
  return networks.find((network) => network.name === name) ?? (beginning.length === 1 ? beginning[0] : undefined);
}

const inspection = (network: LiveNetwork, containers: readonly LiveContainer[]): object => ({
  Name: network.name,
  Id: network.id,
  Created: network.createdAt,
  Scope: 'local',
  Driver: network.madeFrom.driver,
  EnableIPv4: network.madeFrom.enableIpv4,
  EnableIPv6: network.madeFrom.enableIpv6,
  IPAM: {
    Driver: 'default',
    Options: {},
    Config: network.subnets.map(({ subnet, gateway }) => ({
      Subnet: subnet,
      ...asked(network, subnet),
      Gateway: gateway,
    })),
  },
  Internal: network.madeFrom.internal,
  Attachable: false,
  Ingress: false,
  ConfigFrom: { Network: '' },
  ConfigOnly: false,
  Options: network.madeFrom.driverOpts,
  Labels: network.madeFrom.labels,
  Bridge: network.bridge,
  ...(network.parent === undefined ? {} : { Parent: network.parent }),
  Damage: network.damage.map(({ what }) => what),
  Containers: Object.fromEntries(containers.filter(isActive).flatMap((live) => endpoints(live, network.name))),
});

/** What of a subnet's allotment was said when the network was made. */
function asked({ madeFrom }: LiveNetwork, subnet: string): object {
  const pool = madeFrom.ipam.find((one) => one.subnet === subnet);
  return {
    ...(pool?.ipRange ? { IPRange: pool.ipRange } : {}),
    ...(pool?.auxAddresses ? { AuxiliaryAddresses: pool.auxAddresses } : {}),
  };
}

const endpoints = ({ id, name, endpoints: all }: LiveContainer, network: string) =>
  all
    .filter((endpoint) => endpoint.network === network)
    .map(({ mac, ipv4, ipv6, ipv4Prefix, ipv6Prefix, hostInterface }) => [
      id,
      {
        Name: name,
        MacAddress: mac,
        IPv4Address: withPrefix(ipv4, ipv4Prefix),
        IPv6Address: withPrefix(ipv6, ipv6Prefix),
        HostInterface: hostInterface,
      },
    ]);

/** As Docker has it: programs take it apart at the slash. */
const withPrefix = (address: string | undefined, prefix: number | undefined): string =>
  address === undefined ? '' : prefix === undefined ? address : `${address}/${prefix}`;
