/** Network records on disk. */
import { join } from 'node:path';
import { namesIn, readRecord } from '../state/files.ts';
import { networkRecord, type Paths } from '../state/paths.ts';
import { type NetworkRecord, RECORD_VERSION } from '../state/records.ts';

/** Every network of the instance, by name. */
export function readNetworkRecords(paths: Paths): NetworkRecord[] {
  return namesIn(networksDir(paths))
    .filter((file) => file.endsWith('.json'))
    .sort()
    .flatMap((file) => readRecord<NetworkRecord>(join(networksDir(paths), file), RECORD_VERSION) ?? []);
}

export const findNetwork = (paths: Paths, name: string): NetworkRecord | undefined =>
  isNetworkName(name) ? readRecord<NetworkRecord>(networkRecord(paths, name), RECORD_VERSION) : undefined;

export const networksDir = (paths: Paths): string => join(paths.root, 'networks');

/** It becomes a file's name and stands in comments of firewall rules. */
export const isNetworkName = (name: string): boolean => /^[a-zA-Z0-9][\w.-]{0,199}$/.test(name);
