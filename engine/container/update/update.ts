/**
 * Changes containers in place: from what they were made from to what is wanted, their processes untouched.
 *
 * The record comes first, with what may be left of the old state in it (`before`), and is written once more without that at the end:
 * whoever is killed between the two leaves a container that the next look calls damaged, and the next change finishes.
 */
import { join } from 'node:path';
import type { DesiredContainer } from '../../../src/model/desired.ts';
import type { BatchResult } from '../../../src/model/engine.ts';
import { allotResolverPorts, needsPort, resolverOps, syncNames, withNames } from '../../dns/index.ts';
import type { Host } from '../../host.ts';
import {
  hasSameRules,
  isOutOfReach,
  isUponParent,
  networkAttachOps,
  networkDetachOps,
  type Records,
  syncFirewall,
} from '../../network/index.ts';
import { writeContainerRecord } from '../../state/container-records.ts';
import { withFolderLock } from '../../state/file-lock.ts';
import type { ProcessId } from '../../state/process.ts';
import type { ContainerRecord } from '../../state/records.ts';
import { CLONE } from '../linux.ts';
import { changeRelayedNames } from '../relayed-names.ts';
import { isRunning, supervisorOf } from '../runtime.ts';
import { unpublished } from '../unpublished.ts';
import { rewriteLinks, writeHostFiles } from '../write-host-files.ts';
import { changeHeldPorts } from './held-ports.ts';
import { updateMounts } from './update-mounts.ts';
import { type Avoid, draftChanges, type RecordChange } from './update-record.ts';

/** `avoid`: by name, addresses on its networks that others ask for by number. */
export async function updateContainers(
  host: Host,
  wanted: readonly DesiredContainer[],
  avoid: Avoid = new Map(),
): Promise<BatchResult> {
  const failed = new Map<string, Error>();
  const instance = await host.instance();
  // It is ready when it is needed; whether it could be started is told then.
  host.session().catch(() => undefined);
  // Names and addresses are the whole instance's: another project may be allotting its own this moment.
  const { changes, records } = await withFolderLock(
    join(host.paths.root, 'containers'),
    async () => {
      const records = await host.records();
      const isUp = (record: ContainerRecord) => isRunning(host.paths, record);
      const drafted = draftChanges(wanted, records, { instance, isUp, avoid });
      for (const [name, error] of drafted.failed) failed.set(name, error);
      return { changes: await writeChanges(host, drafted.changes, records), records };
    },
    await host.session(),
  );
  const live = changes.filter(({ to }) => to.before !== undefined);
  await Promise.all(
    live.map(async (change) => {
      await updateMounts(host, change).catch((error: Error) => failed.set(change.to.name, error));
    }),
  );
  if (live.length > 0) await changeNetwork(host, live, { instance, failed, before: records });
  await Promise.all(changes.map(async (change) => finish(host, change, failed)));
  return { failed, warnings: unpublishedOf(changes, records) };
}

/** Whose ports the host led to it until now. */
const unpublishedOf = (changes: readonly RecordChange[], { networks }: Records): BatchResult['warnings'] =>
  new Map(
    changes
      .filter(({ from, to }) => from.publishers.length > 0 && to.wanted && isOutOfReach(to, networks))
      .map(({ to }) => [to.name, [unpublished(to, networks)]]),
  );

/** A view with several networks has a port of its own, which nobody else may allot at the same time. */
async function writeChanges(
  host: Host,
  changes: readonly RecordChange[],
  before: Records,
): Promise<readonly RecordChange[]> {
  const write = async (records: readonly ContainerRecord[]) => {
    await Promise.all(records.map((record) => writeContainerRecord(host.paths, record)));
    return records;
  };
  const wanted = changes.map(({ to }) => to);
  const written = wanted.some((record) => record.wanted && needsPort(record, before))
    ? await withNames(
        await host.dnsContext(),
        async () => await write(allotResolverPorts(wanted, await host.records())),
      )
    : await write(wanted);
  return changes.map(({ from }, i) => ({ from, to: written[i]! }));
}

interface Surroundings {
  readonly instance: string;
  readonly failed: Map<string, Error>;
  /** Before the change. */
  readonly before: Records;
}

/** Rules come before the first packet and names before the first question; what goes, goes last. */
async function changeNetwork(
  host: Host,
  changes: readonly RecordChange[],
  { instance, failed, before }: Surroundings,
): Promise<void> {
  const records = await host.records();
  const { names } = await host.facts();
  const running = changes.flatMap((change) => {
    const supervisor = supervisorOf(host.paths, change.to);
    return supervisor === undefined ? [] : [{ ...change, supervisor }];
  });
  await changeHeldPorts(host.paths, running, records, failed);
  for (const { to } of running) {
    writeHostFiles(host.paths, to, records, { host: names, occasion: 'change' });
  }
  const changed = changes.map(({ to }) => to);
  rewriteLinks(host.paths, changed, records, names);
  const isFirstTry = changes.every(({ from }) => from.before === undefined);
  if (!isFirstTry || !hasSameRules(before, records, instance))
    await syncFirewall(await host.networkContext(), host.records);
  const touched = changes.flatMap(({ from, to }) => [...from.endpoints, ...to.endpoints, ...(to.before ?? [])]);
  const each = (work: (one: (typeof running)[number]) => Promise<void>) =>
    Promise.all(
      running.map(async (one) => {
        if (!failed.has(one.to.name)) await work(one).catch((error: Error) => failed.set(one.to.name, error));
      }),
    );
  const attached = each((one) => attach(host, one, records, instance));
  await syncNames(await host.dnsContext(), new Set(touched.map(({ network }) => network)), async () => {
    await attached;
    await each((one) => switchOver(host, one, records));
  });
}

type Running = RecordChange & { readonly supervisor: ProcessId };

async function attach(host: Host, { to, supervisor }: Running, { networks }: Records, instance: string): Promise<void> {
  const ops = networkAttachOps({ container: to, before: to.before ?? [], supervisor }, networks, instance);
  if (ops.length > 0) await (await host.session()).run(ops);
}

/** To its new name server, and away from the networks that it leaves. */
async function switchOver(host: Host, { to, supervisor }: Running, records: Records): Promise<void> {
  const session = await host.session();
  const passOn = () => changeRelayedNames(host.paths, to, records);
  // Whoever it asks is there first, and goes last.
  if (isUponParent(to)) await passOn();
  const resolver = resolverOps(to, records, 0);
  if (resolver.length > 0) await session.run([{ op: 'join', ...supervisor, flags: CLONE.NEWNET }, ...resolver]);
  await passOn();
  const detach = networkDetachOps({ container: to, before: to.before ?? [], supervisor });
  if (detach.length > 0) await session.run(detach);
}

async function finish(host: Host, { to }: RecordChange, failed: ReadonlyMap<string, Error>): Promise<void> {
  if (to.before === undefined || failed.has(to.name)) return;
  const { before: _, publishersBefore: __, ...record } = to;
  await writeContainerRecord(host.paths, record);
}
