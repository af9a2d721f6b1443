/** Changes containers in place: from what they were made from to what is wanted, their processes untouched. */
import type { DesiredContainer } from '../../src/model/desired.ts';
import type { BatchResult } from '../../src/model/engine.ts';
import type { Host } from '../host.ts';
import { writeContainerRecord } from '../state/container-records.ts';
import { noSuchContainer } from './unknown.ts';

export async function updateContainers(host: Host, wanted: readonly DesiredContainer[]): Promise<BatchResult> {
  const failed = new Map<string, Error>();
  const { containers } = await host.records();
  for (const container of wanted) {
    const record = containers.find(({ name }) => name === container.name);
    if (record === undefined) failed.set(container.name, noSuchContainer(container.name));
    else await writeContainerRecord(host.paths, { ...record, madeFrom: container });
  }
  return { failed, warnings: new Map() };
}
