/** The whole of what a supervisor is told of its container, from records and what this host is like. Nothing is touched. */

import { TcomposeError } from '../../src/model/errors.ts';
import { resolverOps } from '../dns/index.ts';
import type { Host } from '../host.ts';
import { logPath } from '../logs/log-files.ts';
import { planLog } from '../logs/plan.ts';
import { networkSetupOps, type Records } from '../network/index.ts';
import { containerDir } from '../state/paths.ts';
import type { ProcessId } from '../state/process.ts';
import type { ContainerRecord } from '../state/records.ts';
import type { SupervisorSpec } from '../supervise/spec.ts';
import { namedAs } from './host-files.ts';
import { planContainer } from './plan-container.ts';
import { FIRST_NETWORK_SLOT } from './program.ts';
import type { Limit } from './resources/cgroup-limits.ts';
import { saveAccountFiles } from './rootfs-files.ts';
import { supervisorOf } from './runtime.ts';
import { skeletonLayer } from './skeleton.ts';
import { supervisorSpec } from './supervisor-spec.ts';

/** `note` hears of what is done with less than was asked for. */
export async function startSpec(
  host: Host,
  record: ContainerRecord,
  records: Records,
  note: (warning: string) => void,
): Promise<{ readonly spec: SupervisorSpec; readonly limits: readonly Limit[] }> {
  const [facts, images, volumes, instance] = await Promise.all([
    host.facts(),
    host.images(),
    host.volumes(),
    host.instance(),
  ]);
  const layers = [...(await images.layerPaths(record.madeFrom.image.id)), skeletonLayer(host.paths)];
  const setup = { container: record, networks: records.networks, instance, firstSlot: FIRST_NETWORK_SLOT };
  const plan = await planContainer(host, record, {
    instance,
    facts,
    layers,
    sources: await volumes.sources(record.mounts),
    namedAs: namedAs(record, records.containers) ?? record,
    accounts: await saveAccountFiles(host, record.id, layers),
    network: [
      ...networkSetupOps(setup, sharedNetwork(host, record, records)),
      ...resolverOps(record, records, FIRST_NETWORK_SLOT),
    ],
    records: records.containers,
    note,
  });
  const folder = containerDir(host.paths, record.id);
  const printer = { id: record.id, hostname: facts.names.hostname, container: record.madeFrom };
  const log = await planLog(printer, logPath(folder, record.id));
  const spec = supervisorSpec(record.id, folder, record.madeFrom, plan, log);
  return { spec, limits: plan.cgroup.limits };
}

/** `network_mode: container:…` and `service:…`: the other's supervisor lives in the namespace. */
function sharedNetwork(host: Host, record: ContainerRecord, records: Records): ProcessId | undefined {
  const { networkMode } = record.madeFrom;
  if (networkMode.kind !== 'container') return undefined;
  const other = records.containers.find(({ name }) => name === networkMode.container);
  const supervisor = other === undefined ? undefined : supervisorOf(host.paths, other);
  if (supervisor !== undefined) return supervisor;
  throw new TcomposeError(
    `container ${record.name} shares the network of ${networkMode.container}, which is not running`,
    {
      code: 'network-donor-stopped',
      address: `container/${record.name}`,
      help: `start ${networkMode.container} first`,
    },
  );
}
