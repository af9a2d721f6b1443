/** Volumes on disk: made, read, and who uses them. A folder without volume.json is no volume. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredVolume } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { LiveVolume } from '../../src/model/live.ts';
import { makeFolder, namesIn, readRecord, syncFolderOf, writeRecord } from '../state/files.ts';
import { type Paths, volumeData, volumeDir } from '../state/paths.ts';
import { type ContainerRecord, RECORD_VERSION, type VolumeRecord } from '../state/records.ts';
import { checkDriverOptions } from './mount-options.ts';

export const volumesDir = (paths: Paths): string => join(paths.root, 'volumes');
const recordPath = (paths: Paths, name: string): string => join(volumeDir(paths, name), 'volume.json');

/** Docker's rule. It is a folder's name: nothing else may get through. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/;

export const isVolumeName = (name: string): boolean => NAME.test(name);

export const volumeMissing = (name: string): TcomposeError =>
  new TcomposeError(`there is no volume ${name}`, {
    code: 'volume-missing',
    address: `volume/${name}`,
    help: 'see what there is: tcompose volume ls',
  });

export const readVolume = (paths: Paths, name: string): VolumeRecord | undefined =>
  isVolumeName(name) ? readRecord<VolumeRecord>(recordPath(paths, name), RECORD_VERSION) : undefined;

export const writeVolume = (paths: Paths, record: VolumeRecord): Promise<void> =>
  writeRecord(recordPath(paths, record.name), record);

export const readVolumes = (paths: Paths): readonly VolumeRecord[] =>
  namesIn(volumesDir(paths))
    .map((name) => readVolume(paths, name))
    .filter((record) => record !== undefined);

export const checkName = (name: string): void => {
  if (isVolumeName(name)) return;
  throw new TcomposeError(`${JSON.stringify(name)} is no valid name for a volume`, {
    code: 'bad-volume-name',
    address: `volume/${name}`,
    help: 'use letters, digits, "_", "." and "-", beginning with a letter or digit, at most 255',
  });
};

/** Makes it unless it is there: its content is never touched, and options of one that is there are not compared. */
export const makeVolume = async (paths: Paths, wanted: DesiredVolume, anonymous: boolean): Promise<void> => {
  const { name } = wanted;
  checkName(name);
  if (readVolume(paths, name) !== undefined) return;
  if (wanted.external) throw volumeMissing(name);
  checkDriverOptions(wanted);
  makeFolder(volumeDir(paths, name));
  await mkdir(volumeData(paths, name), { mode: 0o755 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const createdAt = new Date().toISOString();
  // The record last: what is not recorded is made again, what is recorded is there.
  await writeVolume(paths, { version: RECORD_VERSION, name, createdAt, madeFrom: wanted, anonymous, seeded: false });
  await syncFolderOf(recordPath(paths, name));
};

export const usersOf = (containers: readonly ContainerRecord[], name: string): readonly string[] =>
  containers
    .filter(({ mounts }) => mounts.some((mount) => mount.kind === 'volume' && mount.source === name))
    .map((container) => container.name);

export const describeVolume = (
  paths: Paths,
  record: VolumeRecord,
  containers: readonly ContainerRecord[],
): LiveVolume => ({
  name: record.name,
  madeFrom: record.madeFrom,
  anonymous: record.anonymous,
  createdAt: record.createdAt,
  mountpoint: volumeData(paths, record.name),
  usedBy: usersOf(containers, record.name),
});
