/** What a container is allotted on its networks: interface names, hardware addresses, addresses. */
import type { DesiredAttachment, DesiredContainer } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { ContainerRecord, EndpointRecord, NetworkRecord } from '../state/records.ts';
import {
  type Address,
  contains,
  findAddress,
  findPrefix,
  first,
  formatAddress,
  hostRange,
  isIpv6,
  isMac,
  last,
  macFor,
} from './addresses.ts';
import { extrasProblem } from './interface-extras.ts';
import { vethName } from './names.ts';
import { optionsOf } from './options.ts';
import { isBridge, parentOptions } from './parent-options.ts';

export interface Records {
  readonly networks: readonly NetworkRecord[];
  readonly containers: readonly ContainerRecord[];
  /** About to be given places as well: what they ask for by number is nobody else's any more. */
  readonly coming?: readonly DesiredContainer[];
  /** Asked for by number, by somebody else who is to be made yet. */
  readonly avoid?: readonly string[];
  /** Ids of those that do not run: who asks by number may have what they have, and they get another one with their next start. */
  readonly idle?: ReadonlySet<string>;
}

interface Place {
  readonly container: string;
  readonly network: NetworkRecord;
  /** Addresses that somebody has, and who. */
  readonly used: ReadonlyMap<string, Holder>;
}

interface Holder {
  readonly name: string;
  /** It is not in use, and goes to who asks for it; `left`: to who needs one and finds no other. */
  readonly gives?: 'left' | 'asked';
}

/**
 * Interfaces, MAC and addresses of a container, one per attachment, same order: static ones as asked, others the lowest free.
 * `records.containers` are all others of the instance (of every project: networks may be shared), with those allotted just before.
 * `before`: what a container that is changed in place has; it stays so as far as nothing else is asked for. `isWired`: its interfaces
 * are there, with their names and places.
 */
export function allotEndpoints(
  container: DesiredContainer,
  id: string,
  records: Records,
  instance: string,
  before: { readonly endpoints: readonly EndpointRecord[]; readonly isWired: boolean } = NOTHING,
): EndpointRecord[] {
  if (container.networkMode.kind !== 'bridge') return [];
  const had = container.attachments.map(({ network }) => before.endpoints.find((one) => one.network === network));
  const prefixOf = (name: string) => {
    const network = records.networks.find((one) => one.name === name);
    return network ? optionsOf(network.madeFrom).interfacePrefix : 'eth';
  };
  const names = interfaceNames(container, before.isWired ? before.endpoints : [], prefixOf);
  const positions = before.isWired ? freePositions(before.endpoints, had) : [...had.keys()];
  return container.attachments.map((attachment, i) => {
    const network = records.networks.find(({ name }) => name === attachment.network);
    if (network === undefined)
      throw refused(container.name, `the network ${attachment.network}, which does not exist`, 'create it first');
    const problem = extrasProblem(attachment, network.madeFrom.enableIpv6);
    if (problem !== undefined) throw refused(container.name, ...problem);
    const alone = isBridge(network.madeFrom) ? undefined : otherThan(container.name, network, records);
    if (alone !== undefined)
      throw refused(
        container.name,
        `a place on ${network.name}, which ${alone} has: macvlan_mode passthru is for one container`,
        'use macvlan_mode: bridge, or one network each',
      );
    const place: Place = { container: container.name, network, used: usedOn(network, records, container.name) };
    const ipv4 = kept(place, attachment.ipv4, had[i]?.ipv4) ?? allot(place, 4, attachment.ipv4);
    const ipv6 = kept(place, attachment.ipv6, had[i]?.ipv6) ?? allot(place, 6, attachment.ipv6);
    return {
      network: network.name,
      hostInterface: isBridge(network.madeFrom) ? vethName(instance, id, network.name) : '',
      interfaceName: names[i]!,
      ...(positions[i] !== i && { position: positions[i]! }),
      mac: macOf(container.name, attachment, network, (ipv4 ?? ipv6)!.address),
      ...(ipv4 && { ipv4 }),
      ...(ipv6 && { ipv6 }),
      aliases: attachment.aliases,
    };
  });
}

/** Who has the only place on a network that has just one. */
const otherThan = (name: string, { name: network, madeFrom }: NetworkRecord, records: Records): string | undefined =>
  parentOptions(madeFrom).isAlone
    ? records.containers.find((one) => one.name !== name && one.endpoints.some((each) => each.network === network))
        ?.name
    : undefined;

const NOTHING = { endpoints: [], isWired: false };

/** An address that fits what is asked for, unless somebody asked for it by number meanwhile. */
const kept = (
  { used, network }: Place,
  asked: string | undefined,
  had: EndpointRecord['ipv4'],
): EndpointRecord['ipv4'] =>
  had !== undefined &&
  (asked === undefined || asked === had.address) &&
  !isTaken(used.get(had.address)) &&
  subnetOf(network, had.address) !== undefined
    ? had
    : undefined;

const isTaken = (holder: Holder | undefined): boolean => holder !== undefined && holder.gives !== 'left';

const subnetOf = (network: NetworkRecord, text: string): NetworkRecord['subnets'][number] | undefined => {
  const address = findAddress(text);
  return address && network.subnets.find(({ subnet }) => contains(findPrefix(subnet)!, address));
};

/** Where the interface inside is: what is there stays, others get the lowest free place. */
export const positionOf = (endpoint: EndpointRecord, all: readonly EndpointRecord[]): number =>
  endpoint.position ?? all.indexOf(endpoint);

function freePositions(
  before: readonly EndpointRecord[],
  had: readonly (EndpointRecord | undefined)[],
): readonly number[] {
  // Those that are about to go are there until they are gone.
  const taken = new Set(before.map((endpoint) => positionOf(endpoint, before)));
  let next = 0;
  return had.map((endpoint) => {
    if (endpoint !== undefined) return positionOf(endpoint, before);
    while (taken.has(next)) next++;
    return next++;
  });
}

/** Later ones win: what is in use counts more than what is only reserved. */
function usedOn(
  network: NetworkRecord,
  { containers, coming = [], avoid = [], idle }: Records,
  asking: string,
): Map<string, Holder> {
  const used = new Map<string, Holder>();
  const isIdle = ({ id }: ContainerRecord) => idle?.has(id) === true;
  const give = (record: ContainerRecord, gives: Holder['gives']) => {
    for (const { network: name, ipv4, ipv6 } of record.endpoints) {
      if (name !== network.name) continue;
      for (const address of [ipv4?.address, ipv6?.address])
        if (address !== undefined) used.set(address, { name: `container ${record.name}`, ...(gives && { gives }) });
    }
  };
  for (const record of containers) if (isIdle(record)) give(record, 'left');
  for (const address of avoid) used.set(address, { name: 'another container', gives: 'asked' });
  for (const { gateway } of network.subnets) used.set(gateway, { name: 'the gateway' });
  for (const { auxAddresses } of network.madeFrom.ipam) {
    for (const [name, address] of Object.entries(auxAddresses ?? {}))
      used.set(address, { name: `aux_addresses.${name}` });
  }
  for (const { name: other, attachments } of coming.filter(({ name }) => name !== asking)) {
    for (const { network: name, ipv4, ipv6 } of attachments) {
      const asked = [ipv4, ipv6].flatMap((text) => findAddress(text ?? '') ?? []);
      if (name === network.name)
        for (const address of asked) used.set(formatAddress(address), { name: `container ${other}` });
    }
  }
  for (const record of containers) if (!isIdle(record)) give(record, undefined);
  return used;
}

function allot(place: Place, family: 4 | 6, asked: string | undefined): EndpointRecord['ipv4'] {
  const subnets = place.network.subnets.filter(({ subnet }) => isIpv6(subnet) === (family === 6));
  if (asked !== undefined) return checked(place, asked, subnets);
  for (const isFree of [(one?: Holder) => one === undefined, (one?: Holder) => !isTaken(one)]) {
    for (const { subnet, prefix } of subnets) {
      const address = lowestFree(place, subnet, isFree);
      if (address !== undefined) return { address: formatAddress(address), prefix };
    }
  }
  if (subnets.length === 0) return undefined;
  const full = subnets.map(({ subnet }) => subnet).join(', ');
  throw refused(
    place.container,
    `an address in ${full} of the network ${place.network.name}, and none is free`,
    'give the network a larger subnet',
  );
}

function checked(
  { container, network, used }: Place,
  asked: string,
  subnets: NetworkRecord['subnets'],
): EndpointRecord['ipv4'] {
  const address = findAddress(asked);
  const subnet = address && subnets.find((candidate) => contains(findPrefix(candidate.subnet)!, address));
  if (address === undefined || subnet === undefined) {
    const known = network.subnets.map((candidate) => candidate.subnet).join(', ');
    throw refused(
      container,
      `the address ${asked}, which is not within ${known} of the network ${network.name}`,
      'choose one within, or give the network that subnet',
    );
  }
  const holder = used.get(formatAddress(address));
  if (holder !== undefined && holder.gives === undefined)
    throw refused(container, `the address ${asked}, which ${holder.name} has`, 'choose another address');
  return { address: formatAddress(address), prefix: subnet.prefix };
}

function lowestFree(
  { network, used }: Place,
  subnet: string,
  isFree: (holder?: Holder) => boolean,
): Address | undefined {
  const prefix = findPrefix(subnet)!;
  const asked = network.madeFrom.ipam.find(
    (pool) => pool.ipRange !== undefined && contains(prefix, findPrefix(pool.ipRange) ?? prefix),
  );
  const range = asked?.ipRange === undefined ? prefix : (findPrefix(asked.ipRange) ?? prefix);
  const hosts = hostRange(prefix);
  for (let value = first(range); value <= last(range) && value <= hosts.to; value++) {
    if (value < hosts.from) value = hosts.from;
    const address: Address = { family: prefix.family, value };
    if (isFree(used.get(formatAddress(address)))) return address;
  }
  return undefined;
}

/** `eth0`, `eth1`, … for those that are not named, passing over names that are taken. */
function interfaceNames(
  { name, attachments }: DesiredContainer,
  before: readonly EndpointRecord[],
  prefixOf: (network: string) => string,
): readonly string[] {
  const there = new Map(before.map((endpoint) => [endpoint.interfaceName, endpoint.network]));
  const taken = new Set([...attachments.flatMap((attachment) => attachment.interfaceName ?? []), ...there.keys()]);
  const next = new Map<string, number>();
  return attachments.map(({ interfaceName, network }) => {
    const had = before.find((endpoint) => endpoint.network === network);
    if (had !== undefined) return had.interfaceName;
    if (interfaceName !== undefined && there.has(interfaceName)) {
      const what = `the interface name ${interfaceName} on ${network}, which the one on ${there.get(interfaceName)} has`;
      throw refused(name, what, 'choose another name, or make the container anew with --force-recreate');
    }
    if (interfaceName !== undefined) {
      if (/^[^\s/:]{1,15}$/.test(interfaceName) && !['.', '..', 'lo', 'all', 'default'].includes(interfaceName))
        return interfaceName;
      throw refused(
        name,
        `the interface name ${interfaceName}, which the kernel does not take`,
        'use at most 15 characters, no blanks, "/" and ":"',
      );
    }
    const prefix = prefixOf(network);
    let number = next.get(prefix) ?? 0;
    while (taken.has(`${prefix}${number}`)) number++;
    next.set(prefix, number + 1);
    return `${prefix}${number}`;
  });
}

function macOf(container: string, { mac }: DesiredAttachment, network: NetworkRecord, address: string): string {
  const { sharesMac, kind } = isBridge(network.madeFrom) ? { sharesMac: false } : parentOptions(network.madeFrom);
  if (mac === undefined) return sharesMac ? '' : macFor(address);
  if (kind === 'ipvlan')
    throw refused(
      container,
      `the hardware address ${mac} on the ipvlan network ${network.name}, where all have that of the parent`,
      'leave mac_address out, or use driver: macvlan',
    );
  const isMulticast = (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
  if (isMac(mac) && !isMulticast) return mac.toLowerCase().replaceAll('-', ':');
  throw refused(container, `the hardware address ${mac}, which no interface can have`, 'write it as 02:42:ac:11:00:02');
}

const refused = (container: string, what: string, help: string): TcomposeError =>
  new TcomposeError(`the container ${container} asks for ${what}`, {
    code: 'address-unusable',
    address: `container/${container}`,
    help,
  });
