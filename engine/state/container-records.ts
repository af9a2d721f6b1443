/** Container records on disk: all of the instance's, one of them, written and forgotten. */
import { join } from 'node:path';
import { namesIn, readRecord, writeRecord } from './files.ts';
import { containerDir, containerRecord, DEAD, type Paths, REMOVING } from './paths.ts';
import { type ContainerRecord, RECORD_VERSION } from './records.ts';

export const PROJECT_LABEL = 'com.docker.compose.project';

export const projectOf = (record: ContainerRecord): string => record.madeFrom.labels[PROJECT_LABEL] ?? '';

/** Every container there is, by name. A folder without a record is half made or half removed: system/leftovers.ts finds it. */
export function readContainerRecords(paths: Paths): ContainerRecord[] {
  const records: ContainerRecord[] = [];
  for (const id of namesIn(join(paths.root, 'containers'))) {
    const record = readRecord<ContainerRecord>(containerRecord(paths, id), RECORD_VERSION);
    if (record !== undefined) records.push(record);
  }
  const replaced = new Set(records.map((record) => record.replaces));
  return records.filter((record) => !replaced.has(record.id)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Containers whose removal has begun and not come to its end: they are none any more, but something of them is there. */
export function readHalfRemoved(
  paths: Paths,
): readonly { readonly record: ContainerRecord; readonly status: 'removing' | 'dead' }[] {
  return namesIn(join(paths.root, 'containers')).flatMap((id) => {
    for (const [name, status] of [
      [DEAD, 'dead'],
      [REMOVING, 'removing'],
    ] as const) {
      const record = readRecord<ContainerRecord>(join(containerDir(paths, id), name), RECORD_VERSION);
      if (record !== undefined) return [{ record, status }];
    }
    return [];
  });
}

/** By name, id, or an unambiguous beginning of an id. */
export function findRecord(records: readonly ContainerRecord[], name: string): ContainerRecord | undefined {
  const exact = records.find((record) => record.id === name) ?? records.find((record) => record.name === name);
  if (exact !== undefined || !/^[0-9a-f]+$/.test(name)) return exact;
  const beginning = records.filter((record) => record.id.startsWith(name));
  return beginning.length === 1 ? beginning[0] : undefined;
}

export const writeContainerRecord = (paths: Paths, record: ContainerRecord): Promise<void> =>
  writeRecord(containerRecord(paths, record.id), record);
