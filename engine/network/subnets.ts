/** Which subnets a new network gets: those that were asked for, or the first ones that collide with nothing. */
import { createHash } from 'node:crypto';
import type { DesiredNetwork } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { NetworkRecord } from '../state/records.ts';
import {
  contains,
  findAddress,
  findPrefix,
  formatAddress,
  formatPrefix,
  hostRange,
  last,
  overlap,
  type Prefix,
} from './addresses.ts';

type Subnet = NetworkRecord['subnets'][number];

export interface Taken {
  readonly networks: readonly NetworkRecord[];
  /** What the host routes, and whom it asks for names: nothing of it may be hidden by a network of ours. */
  readonly host: readonly Prefix[];
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
  // Within a wider route of the host's it is what the user wants; the very same prefix is a network that the host is in.
  if (taken.host.some((used) => used.length === prefix.length && overlap(used, prefix))) {
    throw refused(
      network,
      `the subnet ${pool.subnet}, which this host has a route to`,
      'choose another subnet (see: ip route)',
    );
  }
  if (pool.gateway !== undefined) {
    const gateway = findAddress(pool.gateway);
    if (gateway === undefined || !contains(prefix, gateway)) {
      throw refused(
        network,
        `the gateway ${pool.gateway}, which is not within ${pool.subnet}`,
        'choose an address of the subnet',
      );
    }
  }
  return subnetOf(prefix, pool.gateway);
}

const freeOf = (candidate: Prefix, { networks, host }: Taken): Prefix | undefined =>
  [...networks.flatMap(({ subnets }) => subnets.map(({ subnet }) => findPrefix(subnet)!)), ...host].find((used) =>
    overlap(candidate, used),
  );

function freeIpv4(network: DesiredNetwork, taken: Taken): Prefix {
  for (const pool of IPV4_POOLS.map((text) => findPrefix(text)!)) {
    for (let value = pool.value; value <= last(pool); ) {
      const candidate: Prefix = { family: 4, value, length: IPV4_LENGTH };
      const inTheWay = freeOf(candidate, taken);
      if (inTheWay === undefined) return candidate;
      // Past what is in the way, at the next multiple of our size.
      const size = 1n << BigInt(32 - IPV4_LENGTH);
      do value += size;
      while (value <= last(inTheWay));
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
  for (let attempt = 0; attempt < 100; attempt++) {
    const digits = createHash('sha256').update(`${id} ${attempt}`).digest('hex').slice(0, 10);
    const candidate: Prefix = { family: 6, value: BigInt(`0xfd${digits}`) << 80n, length: 64 };
    if (freeOf(candidate, taken) === undefined) return candidate;
  }
  throw refused(network, 'an IPv6 subnet, and none was found', 'give it one: networks.<name>.ipam.config[].subnet');
}

const refused = (network: DesiredNetwork, what: string, help: string): TcomposeError =>
  new TcomposeError(`the network ${network.name} asks for ${what}`, {
    code: 'subnet-unusable',
    address: `network/${network.name}`,
    help,
  });
