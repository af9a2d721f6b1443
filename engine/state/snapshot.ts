/** What is: records, processes, interfaces, addresses and rules, read together and without waiting for anybody. */
import type { Damage, LiveContainer, LiveNetwork, LiveState } from '../../src/model/live.ts';
import { liveContainer, type Runtime, readRuntime } from '../container/runtime.ts';
import type { Host } from '../host.ts';
import type { LaunchOp } from '../launcher/ops.ts';
import type { NetworkDamage, Records } from '../network/index.ts';
import { readHostFirewalls } from '../system/host-firewalls.ts';
import { PROJECT_LABEL, readHalfRemoved } from './container-records.ts';
import type { ContainerRecord, NetworkRecord } from './records.ts';

const NO_DAMAGE: NetworkDamage = { networks: new Map(), containers: new Map() };

export async function readSnapshot(
  host: Host,
  filter: { readonly project?: string; readonly networkDamage?: boolean } = {},
): Promise<LiveState> {
  const instance = host.knownInstance();
  const firewalls = filter.networkDamage === false ? [] : readHostFirewalls();
  const ruled = firewalls.length > 0 ? { firewalls } : {};
  if (instance === undefined) return { networks: [], volumes: [], containers: [], ...ruled };
  const isAsked = ({ madeFrom }: { madeFrom: { labels: Readonly<Record<string, string>> } }) =>
    filter.project === undefined || madeFrom.labels[PROJECT_LABEL] === filter.project;
  const records = await host.records();
  const runtimes = new Map(records.containers.map((record) => [record.name, readRuntime(host.paths, record)]));
  const isLookedAt = filter.networkDamage !== false && records.networks.length > 0;
  const [damage, clashes, names, volumes] = await Promise.all([
    isLookedAt ? networkDamage(host, records, { runtimes, instance }) : NO_DAMAGE,
    isLookedAt ? routeClashes(records) : new Map<string, string>(),
    isLookedAt ? nameDamage(host, records) : new Map<string, readonly Damage[]>(),
    host.volumes().then((volumes) => volumes.list(records.containers)),
  ]);
  return {
    networks: records.networks
      .filter(isAsked)
      .map((record) =>
        liveNetwork(
          record,
          [...(damage.networks.get(record.name) ?? []), ...(names.get(record.name) ?? [])],
          clashes.get(record.name),
        ),
      ),
    volumes: volumes.filter(isAsked),
    containers: [
      ...records.containers
        .filter(isAsked)
        .map((record) =>
          withDamage(host, record, runtimes.get(record.name)!, damage.containers.get(record.name) ?? []),
        ),
      ...halfRemoved(host, runtimes).filter(isAsked),
    ],
    ...ruled,
  };
}

/** Those whose name has a container again are told by nobody: the next command goes on removing them. */
const halfRemoved = ({ paths }: Host, known: ReadonlyMap<string, unknown>): readonly LiveContainer[] =>
  readHalfRemoved(paths)
    .filter(({ record }) => !known.has(record.name))
    .map(({ record, status }) => ({ ...liveContainer(paths, record), status, wanted: false }));

/** Two programs are run for this and the launcher asked: not when there is no network to look at. */
async function networkDamage(
  host: Host,
  records: Records,
  { runtimes, instance }: { readonly runtimes: ReadonlyMap<string, Runtime>; readonly instance: string },
): Promise<NetworkDamage> {
  const [{ damageOf, isGuardThere, readNetworkFacts }, program] = await Promise.all([
    import('../network/index.ts'),
    host.program(),
  ]);
  const running = new Map(
    [...runtimes].flatMap(([name, { supervisor }]) => (supervisor === undefined ? [] : [[name, supervisor.pid]])),
  );
  const context = { instance, run: async (ops: readonly LaunchOp[]) => (await host.session()).run(ops) };
  const ipv6 = records.networks.some((network) => network.madeFrom.enableIpv6);
  const [facts, isGuarded] = await Promise.all([readNetworkFacts({ ipv6, program }), isGuardThere(context, records)]);
  return damageOf(records, facts, { instance, running, isGuarded });
}

async function routeClashes({ networks }: Records): Promise<ReadonlyMap<string, string>> {
  const { clashesOf, mainRoutes } = await import('../network/index.ts');
  return clashesOf(networks, mainRoutes());
}

async function nameDamage(host: Host, records: Records): Promise<ReadonlyMap<string, readonly Damage[]>> {
  const { dnsDamage } = await import('../dns/index.ts');
  return dnsDamage(host, records);
}

function withDamage(host: Host, record: ContainerRecord, runtime: Runtime, network: readonly Damage[]): LiveContainer {
  const own: Damage[] = [];
  if (runtime.supervisorLost) own.push({ kind: 'supervisor', what: `the supervisor of ${record.name}` });
  else if ((runtime.status === 'running' || runtime.status === 'paused') && runtime.process === undefined) {
    own.push({ kind: 'process', what: `the process of ${record.name}` });
  }
  if (record.before !== undefined) own.push({ kind: 'change', what: 'a change in place was not finished' });
  // Without its supervisor it has no network either: one fault, not five.
  const all = runtime.supervisor === undefined ? own : [...own, ...network];
  return { ...liveContainer(host.paths, record, runtime), damage: all };
}

export function liveNetwork(record: NetworkRecord, damage: readonly Damage[], clash?: string): LiveNetwork {
  const { name, id, madeFrom, createdAt, bridge, parent, subnets } = record;
  return {
    name,
    id,
    madeFrom,
    createdAt,
    bridge,
    ...(parent && { parent: parent.name }),
    subnets: subnets.map(({ subnet, gateway }) => ({ subnet, gateway })),
    ...(clash && { clash }),
    damage,
  };
}
