/** Ports and names of containers, as their records want them: put into the kernel and into the name servers, a batch at a time. */
import type { Host } from '../../host.ts';
import { writeContainerRecord } from '../../state/container-records.ts';
import type { ContainerRecord } from '../../state/records.ts';

/**
 * One firewall transaction and one change of names for all of them; also for those that the records call unwanted already: a command
 * that was killed may have come no further than that.
 */
export async function unpublish(
  host: Host,
  records: readonly ContainerRecord[],
  change: { readonly stoppedByUser: boolean },
): Promise<void> {
  const wanted = records.filter((record) => record.wanted);
  await Promise.all(wanted.map((record) => writeContainerRecord(host.paths, { ...record, wanted: false, ...change })));
  const networked = records.filter((record) => record.endpoints.length > 0);
  if (networked.length > 0) await syncNetwork(host, networked);
  const volumes = await host.volumes();
  const { containers } = await host.records();
  const running = containers.filter((record) => record.wanted);
  await Promise.all(wanted.map((record) => volumes.release(record.mounts, running)));
}

/** Rules of the instance, and names on the networks that these are on. */
export async function syncNetwork(host: Host, records: readonly ContainerRecord[]): Promise<void> {
  const networks = new Set(records.flatMap(({ endpoints }) => endpoints.map(({ network }) => network)));
  const [{ syncFirewall }, { syncNames }] = await Promise.all([
    import('../../network/index.ts'),
    import('../../dns/index.ts'),
  ]);
  const [network, dns] = await Promise.all([host.networkContext(), host.dnsContext()]);
  await Promise.all([syncFirewall(network, host.records), syncNames(dns, networks)]);
}
