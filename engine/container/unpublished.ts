/** What is said of a container whose ports the host cannot lead to it. */
import type { ContainerRecord, NetworkRecord } from '../state/records.ts';

/** One clause. */
export function unpublished({ name, endpoints }: ContainerRecord, networks: readonly NetworkRecord[]): string {
  const known = new Map(networks.map((network) => [network.name, network]));
  const own = endpoints.map(({ network }) => network);
  const upon = own.find((network) => known.get(network)?.parent && !known.get(network)?.madeFrom.internal);
  const why =
    upon === undefined
      ? `no network of it leads outside (internal: ${own.join(', ')})`
      : `its way out is the network ${upon}, where it has an address of its own`;
  return `the ports of ${name} are not published: ${why}`;
}
