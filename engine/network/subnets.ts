/** Which subnets a new network gets: those that were asked for, or the first ones that collide with nothing. */
import { createHash } from 'node:crypto';
import type { DesiredNetwork } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { NetworkRecord } from '../state/records.ts';
import {
  contains,
  findAddress,
  findPrefix,
  first,
  formatAddress,
  formatPrefix,
  hostRange,
  last,
  overlap,
  type Prefix,
} from './addresses.ts';
import type { Route } from './facts.ts';
import { isBridge } from './parent-options.ts';

/** A driver option that is no other engine's: the user knows what of the host's routes the subnet takes away. */
const OVERLAP = 'tcompose.allow_route_overlap';

type Subnet = NetworkRecord['subnets'][number];

export interface Taken {
  readonly networks: readonly NetworkRecord[];
  /** What the host routes, and whom it asks for names: nothing of it may be hidden by a network of ours. */
  readonly host: readonly Route[];
}

/** A /22 has as many addresses as a bridge may have ports (1023), and leaves most of each Docker-sized /16 to others. */
const IPV4_LENGTH = 22;
const IPV4_POOLS = [...Array.from({ length: 14 }, (_, i) => `172.${18 + i}.0.0/16`), '192.168.0.0/16', '10.128.0.0/9'];

export function allotSubnets(network: DesiredNetwork, id: string, taken: Taken): Subnet[] {
  const asked = network.ipam
    .filter((pool) => pool.subnet !== undefined)
    .map((pool) => askedSubnet(network, pool, taken));
  const has = (family: 4 | 6) => asked.some(({ subnet }) => subnet.includes(':') === (family === 6));
  if (network.enableIpv4 && !has(4)) asked.push(subnetOf(freeIpv4(network, taken), gatewayAsked(network, 4)));
  if (network.enableIpv6 && !has(6)) asked.push(subnetOf(freeIpv6(network, id, taken), gatewayAsked(network, 6)));
  return asked
    .filter(({ subnet }) => (subnet.includes(':') ? network.enableIpv6 : network.enableIpv4))
    .sort((a, b) => Number(a.subnet.includes(':')) - Number(b.subnet.includes(':')));
}

const subnetOf = (prefix: Prefix, gateway?: string): Subnet => ({
  subnet: formatPrefix(prefix),
  gateway: gateway ?? formatAddress({ family: prefix.family, value: hostRange(prefix).from }),
  prefix: prefix.length,
});

/** A gateway without a subnet is meant for the one that we choose, and only then of any use. */
const gatewayAsked = (network: DesiredNetwork, family: 4 | 6): string | undefined => {
  const gateway = network.ipam.find((pool) => pool.subnet === undefined && pool.gateway !== undefined)?.gateway;
  if (gateway === undefined || gateway.includes(':') !== (family === 6)) return undefined;
  throw refused(network, `a gateway (${gateway}) without a subnet`, 'give the subnet too: ipam.config[].subnet');
};

function askedSubnet(network: DesiredNetwork, pool: DesiredNetwork['ipam'][number], taken: Taken): Subnet {
  const prefix = findPrefix(pool.subnet!);
  if (prefix === undefined)
    throw refused(network, `the subnet ${pool.subnet}, which is none`, 'write it as 172.28.0.0/16');
  const other = taken.networks.find((record) =>
    record.subnets.some((subnet) => overlap(prefix, findPrefix(subnet.subnet)!)),
  );
  if (other !== undefined) {
    throw refused(
      network,
      `the subnet ${pool.subnet}, which overlaps with that of ${other.name}`,
      'choose another subnet',
    );
  }
  // What the host reaches by it would be out of its reach from then on: a VPN, mostly.
  const route = taken.host.find((used) => overlap(used, prefix));
  // Containers upon a parent live in the very network that the host has a route to.
  if (route !== undefined && isBridge(network) && network.driverOpts[OVERLAP] !== 'true') {
    const leads = route.device === undefined ? '' : ` that leads to ${route.device}`;
    throw refused(
      network,
      `the subnet ${pool.subnet}, which overlaps with this host's route ${formatPrefix(route)}${leads}`,
      `choose another subnet (see: ip route), leave it out, or say that it is meant: driver_opts: {${OVERLAP}: "true"}`,
    );
  }
  const within = (what: string, text: string | undefined, part: Prefix | undefined): void => {
    if (text === undefined) return;
    if (part === undefined || !contains(prefix, part) || last(part) > last(prefix))
      throw refused(network, `${what} ${text}, which is not within ${pool.subnet}`, 'choose one of the subnet');
  };
  const asHost = (text: string): Prefix | undefined => {
    const address = findAddress(text);
    const hosts = hostRange(prefix);
    if (address === undefined || address.value < hosts.from || address.value > hosts.to) return undefined;
    return { ...address, length: address.family === 4 ? 32 : 128 };
  };
  within('the gateway', pool.gateway, pool.gateway === undefined ? undefined : asHost(pool.gateway));
  within('the range', pool.ipRange, pool.ipRange === undefined ? undefined : findPrefix(pool.ipRange));
  for (const [name, text] of Object.entries(pool.auxAddresses ?? {})) {
    const address = findAddress(text);
    within(`the auxiliary address ${name}:`, text, address && { ...address, length: address.family === 4 ? 32 : 128 });
  }
  return subnetOf(prefix, pool.gateway);
}

/** All that nothing may overlap with, read once: there may be hundreds. */
const takenBy = ({ networks, host }: Taken, family: 4 | 6): readonly Prefix[] =>
  [...networks.flatMap(({ subnets }) => subnets.map(({ subnet }) => findPrefix(subnet)!)), ...host].filter(
    (prefix) => prefix.family === family,
  );

function freeIpv4(network: DesiredNetwork, taken: Taken): Prefix {
  const used = takenBy(taken, 4).map((prefix) => ({ from: first(prefix), to: last(prefix) }));
  const size = 1n << BigInt(32 - IPV4_LENGTH);
  for (const pool of IPV4_POOLS.map((text) => findPrefix(text)!)) {
    for (let value = pool.value; value <= last(pool); ) {
      const end = value + size - 1n;
      const inTheWay = used.find(({ from, to }) => from <= end && value <= to);
      if (inTheWay === undefined) return { family: 4, value, length: IPV4_LENGTH };
      // Past what is in the way, at the next multiple of our size.
      value = (inTheWay.to / size + 1n) * size;
    }
  }
  throw refused(
    network,
    'a subnet, and all private ones are in use',
    'give it one: networks.<name>.ipam.config[].subnet',
  );
}

/** RFC 4193: a global identifier that nobody else is likely to have, here from the network's random id. */
function freeIpv6(network: DesiredNetwork, id: string, taken: Taken): Prefix {
  const used = takenBy(taken, 6);
  for (let attempt = 0; attempt < 100; attempt++) {
    const digits = createHash('sha256').update(`${id} ${attempt}`).digest('hex').slice(0, 10);
    const candidate: Prefix = { family: 6, value: BigInt(`0xfd${digits}`) << 80n, length: 64 };
    if (!used.some((one) => overlap(one, candidate))) return candidate;
  }
  throw refused(network, 'an IPv6 subnet, and none was found', 'give it one: networks.<name>.ipam.config[].subnet');
}

const refused = (network: DesiredNetwork, what: string, help: string): TcomposeError =>
  new TcomposeError(`the network ${network.name} asks for ${what}`, {
    code: 'subnet-unusable',
    address: `network/${network.name}`,
    help,
  });
