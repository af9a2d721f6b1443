/**
 * What is open on routed networks (`gateway_mode: routed`), as Docker 28 has it: published ports at the container's own address, from
 * everywhere, its other networks included; and ICMP. Nothing is translated on the way.
 */
import type { ContainerRecord, NetworkRecord } from '../state/records.ts';
import { isIpv6 } from './addresses.ts';
import { routedEndpoint } from './main-endpoint.ts';
import { optionsOf } from './options.ts';

export interface RoutedRule {
  readonly owner: { readonly container: string } | { readonly network: string };
  readonly text: string;
}

/** `networks`: those with bridges and this family; `containers`: those that want to run. */
export function routedRules(
  networks: readonly NetworkRecord[],
  containers: readonly ContainerRecord[],
  known: ReadonlyMap<string, NetworkRecord>,
  family: 4 | 6,
): readonly RoutedRule[] {
  const routed = networks.filter(({ madeFrom }) => optionsOf(madeFrom).routed[family]);
  if (routed.length === 0) return [];
  const icmp = family === 4 ? 'icmp' : 'ipv6-icmp';
  return [
    ...containers.flatMap((container) => portsOf(container, known, family)),
    ...routed.map(
      ({ name, bridge }): RoutedRule => ({ owner: { network: name }, text: `-o ${bridge} -p ${icmp} -j RETURN` }),
    ),
  ];
}

function portsOf(
  container: ContainerRecord,
  known: ReadonlyMap<string, NetworkRecord>,
  family: 4 | 6,
): readonly RoutedRule[] {
  const endpoint = routedEndpoint(container, known, family);
  const address = (family === 4 ? endpoint?.ipv4 : endpoint?.ipv6)?.address;
  const network = endpoint && known.get(endpoint.network);
  if (address === undefined || network === undefined) return [];
  const ports = container.publishers.filter(({ hostIp }) => hostIp === '' || isIpv6(hostIp) === (family === 6));
  const matches = new Set(ports.map(({ protocol, target }) => `-p ${protocol} -m ${protocol} --dport ${target}`));
  return [...matches].map((match) => ({
    owner: { container: container.name },
    text: `-d ${address}/${family === 4 ? 32 : 128} -o ${network.bridge} ${match} -j RETURN`,
  }));
}
