/** Puts back what a running container lost in the kernel: interfaces, addresses, rules, its name. Its process is not touched. */
import { resolverOps } from '../dns/index.ts';
import type { Host } from '../host.ts';
import type { LaunchOp } from '../launcher/ops.ts';
import { networkRepairOps, type Records, type Running, readNetworkFacts } from '../network/index.ts';
import { supervisorOf } from './runtime.ts';
import { noSuchContainer } from './unknown.ts';
import { syncNetwork } from './update/publish.ts';

const CLONE_NEWNET = 0x40000000;

/** An interface that was lost took the way to the name server with it. */
const nameOps = ({ container, supervisor }: Running, records: Records): LaunchOp[] => [
  { op: 'join', ...supervisor, flags: CLONE_NEWNET },
  ...resolverOps(container, records, 0),
];

export async function repairContainers(host: Host, names: readonly string[]): Promise<ReadonlyMap<string, Error>> {
  const failed = new Map<string, Error>();
  const [records, instance, facts] = await Promise.all([host.records(), host.instance(), readNetworkFacts()]);
  for (const name of names) {
    if (!records.containers.some((record) => record.name === name)) failed.set(name, noSuchContainer(name));
  }
  const damaged = records.containers.filter((record) => names.includes(record.name));
  const running = damaged.flatMap((container) => {
    const supervisor = supervisorOf(host.paths, container);
    return supervisor === undefined ? [] : [{ container, supervisor }];
  });
  await Promise.all(
    running.map(async (one) => {
      try {
        const ops = networkRepairOps([one], records.networks, instance, facts);
        if (ops.length === 0) return;
        await (await host.session()).run([...ops, ...nameOps(one, records)]);
      } catch (error) {
        failed.set(one.container.name, error as Error);
      }
    }),
  );
  await syncNetwork(host, damaged);
  return failed;
}
