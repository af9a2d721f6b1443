/** Which questions for names a container's supervisor passes on (engine/launcher/names.c), as a file of its run folder. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { relayRecord } from '../dns/index.ts';
import type { Records } from '../network/index.ts';
import { containerRun, type Paths } from '../state/paths.ts';
import type { ContainerRecord } from '../state/records.ts';
import { hold } from '../supervise/control.ts';

const fileOf = (paths: Paths, { id }: ContainerRecord): string => join(containerRun(paths, id), 'names');

/** For one that is about to start; most have none. */
export function writeRelayedNames(paths: Paths, record: ContainerRecord, records: Records): void {
  const wanted = relayRecord(record, records);
  if (wanted.length > 0) writeFileSync(fileOf(paths, record), wanted, { mode: 0o600 });
}

/** For a running one: it reads its files again. */
export async function changeRelayedNames(paths: Paths, record: ContainerRecord, records: Records): Promise<void> {
  const wanted = relayRecord(record, records);
  if (Buffer.compare(wanted, readIfThere(fileOf(paths, record))) === 0) return;
  writeFileSync(fileOf(paths, record), wanted, { mode: 0o600 });
  await hold(containerRun(paths, record.id));
}

function readIfThere(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    return new Uint8Array();
  }
}
