/** By which of its networks a container reaches the outside, and is reached from there. */
import type { ContainerRecord, EndpointRecord, NetworkRecord } from '../state/records.ts';
import { optionsOf } from './options.ts';

/**
 * The endpoint that a container is reached by from outside and by which it reaches the outside: of those that are not internal the
 * first that has both families, for both of them; else, for each family, the first that has it (as Docker 28 does).
 */
export const mainEndpoint = (
  container: ContainerRecord,
  networks: ReadonlyMap<string, NetworkRecord>,
  family: 4 | 6,
): EndpointRecord | undefined => {
  const open = container.endpoints.filter(({ network }) => networks.get(network)?.madeFrom.internal === false);
  const has = ({ ipv4, ipv6 }: EndpointRecord, one: 4 | 6) => (one === 4 ? ipv4 : ipv6) !== undefined;
  return open.find((one) => has(one, 4) && has(one, 6)) ?? open.find((one) => has(one, family));
};

/**
 * That one again, where the host leads published ports to it: upon a parent nobody comes in by way of this host, and a routed network
 * (`gateway_mode: routed`) is reached by addresses of its own.
 */
export function publishedEndpoint(
  container: ContainerRecord,
  networks: ReadonlyMap<string, NetworkRecord>,
  family: 4 | 6,
): EndpointRecord | undefined {
  const main = mainEndpoint(container, networks, family);
  if (main === undefined || main.hostInterface === '') return undefined;
  return isRouted(networks.get(main.network), family) ? undefined : main;
}

const isRouted = (network: NetworkRecord | undefined, family: 4 | 6): boolean =>
  network !== undefined && optionsOf(network.madeFrom).routed[family];

/** The endpoint of a routed network that its published ports are reached at, by its own address. */
export function routedEndpoint(
  container: ContainerRecord,
  networks: ReadonlyMap<string, NetworkRecord>,
  family: 4 | 6,
): EndpointRecord | undefined {
  const main = mainEndpoint(container, networks, family);
  return main && isRouted(networks.get(main.network), family) ? main : undefined;
}

/** Has an interface upon a parent: no gateway of the host's is near. */
export const isUponParent = ({ endpoints }: Pick<ContainerRecord, 'endpoints'>): boolean =>
  endpoints.some(({ hostInterface }) => hostInterface === '');

/**
 * The host leads nothing to it: its ways out are upon a parent, where it has an address of its own, or it has none, all of its networks
 * being internal. False for who has no network of its own.
 */
export function isOutOfReach(container: ContainerRecord, networks: readonly NetworkRecord[]): boolean {
  if (container.endpoints.length === 0) return false;
  const known = new Map(networks.map((network) => [network.name, network]));
  const ways = ([4, 6] as const).flatMap((family) => mainEndpoint(container, known, family) ?? []);
  return ways.every(({ hostInterface }) => hostInterface === '');
}
