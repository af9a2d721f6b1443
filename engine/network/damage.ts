/** What the records say was made and the kernel lacks. */
import type { Damage } from '../../src/model/live.ts';
import type { ContainerRecord, NetworkRecord } from '../state/records.ts';
import { hostAddresses } from './bridge.ts';
import type { Records } from './endpoints.ts';
import type { NetworkFacts } from './facts.ts';
import { firewallOf, networkOwner, SHARED } from './firewall.ts';
import { damagedOwners, parseSaved } from './firewall-text.ts';
import { isThereIn } from './interfaces.ts';
import { mayRoute, woundsOf } from './look-inside.ts';
import { bridgeIndex, bridgePrefix, dummyPrefix, vethPrefix } from './names.ts';
import { guardedNetworks } from './spoof-guard.ts';

export interface NetworkDamage {
  /** By name; only damaged ones are listed. */
  readonly networks: ReadonlyMap<string, readonly Damage[]>;
  readonly containers: ReadonlyMap<string, readonly Damage[]>;
}

/** `running`: by name, containers whose supervisor lives (its pid): only theirs must have interfaces. */
export function damageOf(
  records: Records,
  facts: NetworkFacts,
  options: {
    readonly instance: string;
    readonly running: ReadonlyMap<string, number>;
    /** The table of the guard against forged addresses is there. */
    readonly isGuarded: boolean;
  },
): NetworkDamage {
  const unguarded = options.isGuarded ? new Set<string>() : guardedNetworks(records);
  const owners = firewallDamage(records, facts, options.instance);
  const bridges = new Map(records.networks.map(({ name, bridge }) => [name, bridge]));
  const networks = records.networks.map((network): [string, Damage[]] => [
    network.name,
    [
      ...(network.parent ? parentDamage(network, facts) : bridgeDamage(network, facts)),
      ...rulesDamage(owners, network, records),
      ...(unguarded.has(network.name)
        ? [{ kind: 'firewall' as const, what: `the guard of network ${network.name} against forged addresses` }]
        : []),
    ],
  ]);
  const containers = records.containers.map((container): [string, Damage[]] => [
    container.name,
    [
      ...interfaceDamage(container, options.running.get(container.name), bridges, facts),
      ...insideDamage(container, options.running.get(container.name), records, facts),
      ...(owners.has(container.name)
        ? [{ kind: 'firewall' as const, what: `the port map of ${container.name} (${portsOf(container)})` }]
        : []),
    ],
  ]);
  const damaged = (all: readonly [string, Damage[]][]) => new Map(all.filter(([, damage]) => damage.length > 0));
  return { networks: damaged(networks), containers: damaged(containers) };
}

function firewallDamage(records: Records, facts: NetworkFacts, instance: string): Set<string> {
  const owners = ([4, 6] as const).flatMap((family) => {
    const wanted = firewallOf(records, instance, family);
    const saved = parseSaved(family === 4 ? facts.firewall.ipv4 : facts.firewall.ipv6, instance);
    return [...damagedOwners(wanted, saved)];
  });
  return new Set(owners);
}

function bridgeDamage(network: NetworkRecord, { links, forwarding }: NetworkFacts): Damage[] {
  const { name, bridge, madeFrom } = network;
  const link = links.get(bridge);
  if (link?.index !== bridgeIndex(bridge)) return [{ kind: 'bridge', what: `the bridge ${bridge} of network ${name}` }];
  if (!link.isUp) return [{ kind: 'bridge', what: `the bridge ${bridge} of network ${name}, being down,` }];
  const damage: Damage[] = hostAddresses(network)
    .filter((address) => !link.addresses.includes(address))
    .map((address) => ({ kind: 'address', what: `the address ${address.split('/')[0]} of network ${name}` }));
  const isOff = !forwarding.ipv4 || (madeFrom.enableIpv6 && !forwarding.ipv6);
  if (isOff) damage.push({ kind: 'bridge', what: `forwarding to network ${name}` });
  return damage;
}

/** Rules that serve all are missed by every network that is used. */
function rulesDamage(owners: ReadonlySet<string>, { name }: NetworkRecord, { containers }: Records): Damage[] {
  const isUsed = containers.some(
    ({ wanted, endpoints }) => wanted && endpoints.some(({ network }) => network === name),
  );
  if (!owners.has(networkOwner(name)) && !(isUsed && owners.has(SHARED))) return [];
  return [{ kind: 'firewall', what: `a firewall rule of network ${name}` }];
}

function parentDamage({ name, parent }: NetworkRecord, { links }: NetworkFacts): Damage[] {
  if (parent === undefined || links.has(parent.name)) return [];
  return [{ kind: 'parent', what: `the parent interface ${parent.name} of network ${name}` }];
}

function interfaceDamage(
  { endpoints }: ContainerRecord,
  supervisor: number | undefined,
  bridges: ReadonlyMap<string, string>,
  facts: NetworkFacts,
): Damage[] {
  if (supervisor === undefined) return [];
  const isThere = isThereIn({ supervisor: { pid: supervisor } }, facts);
  return endpoints.flatMap((endpoint): Damage[] => {
    const { hostInterface, interfaceName, network } = endpoint;
    if (!isThere(endpoint))
      return [{ kind: 'interface', what: `interface ${hostInterface || interfaceName} of network ${network}` }];
    const link = facts.links.get(hostInterface);
    if (link === undefined || (link.isUp && link.master === bridges.get(network))) return [];
    return [{ kind: 'interface', what: `the link of interface ${hostInterface} to network ${network}` }];
  });
}

/** What somebody did inside; what is lost as a whole, and what follows from a parent, is told elsewhere. */
function insideDamage(
  container: ContainerRecord,
  supervisor: number | undefined,
  { networks, containers }: Records,
  facts: NetworkFacts,
): Damage[] {
  if (supervisor === undefined) return [];
  const isThere = isThereIn({ supervisor: { pid: supervisor } }, facts);
  const known = new Map(networks.map((network) => [network.name, network]));
  const routes = container.endpoints.every(isThere) && !mayRoute(container, containers);
  return woundsOf(container, known, { pid: supervisor, routes }).flatMap(({ endpoint, what }): Damage[] => {
    const parent = known.get(endpoint?.network ?? '')?.parent;
    const isTold =
      endpoint && (!isThere(endpoint) || (parent !== undefined && facts.links.get(parent.name)?.isUp !== true));
    return isTold ? [] : [{ kind: 'interface', what }];
  });
}

const portsOf = ({ publishers }: ContainerRecord): string =>
  publishers.map(({ published, protocol }) => `${published}/${protocol}`).join(', ');

/** Kernel objects with this instance's name that no record knows: interfaces and chains. */
export function leftoverNames(
  records: Records,
  facts: NetworkFacts,
  instance: string,
): { interfaces: string[]; chains: string[] } {
  const known = new Set([
    ...records.networks.flatMap(({ bridge, parent }) => [bridge, parent?.name ?? '']),
    ...records.containers.flatMap(({ endpoints }) => endpoints.map(({ hostInterface }) => hostInterface)),
  ]);
  const prefixes = [bridgePrefix(instance), vethPrefix(instance), dummyPrefix(instance)];
  const isOurs = (name: string) => prefixes.some((prefix) => name.startsWith(prefix));
  const chains = ([4, 6] as const).flatMap((family) => {
    if (firewallOf(records, instance, family) !== undefined) return [];
    const saved = parseSaved(family === 4 ? facts.firewall.ipv4 : facts.firewall.ipv6, instance);
    return Object.values(saved).flatMap((table) => table.chains);
  });
  return {
    interfaces: [...facts.links.keys()].filter((name) => isOurs(name) && !known.has(name)),
    chains: [...new Set(chains)],
  };
}
