/** Content for a volume is made beside all volumes and takes its place by one rename: what is interrupted leaves no half-made volume. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, opendir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesiredVolume } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { isRunning } from '../container/runtime.ts';
import type { Host } from '../host.ts';
import { readContainerRecords } from '../state/container-records.ts';
import { withFolderLock } from '../state/file-lock.ts';
import { makeFolder, namesIn, syncFolderOf, writeRecord } from '../state/files.ts';
import { type Paths, volumeData, volumeDir } from '../state/paths.ts';
import { type ContainerRecord, RECORD_VERSION, type VolumeRecord } from '../state/records.ts';
import { removeTrees } from '../state/remove-trees.ts';
import { checkDriverOptions, needsMount } from './mount-options.ts';
import { checkName, readVolume, usersOf, volumesDir, writeVolume } from './volume-records.ts';

export interface Staging {
  /** `.making-PID-…`, beneath the folder of all volumes: names of volumes never begin with a dot. */
  readonly name: string;
  readonly folder: string;
  /** To be filled; exists and is empty. */
  readonly data: string;
}

const NAME = /^\.making-(\d+)-/;

/** What makers that were killed have left. */
async function sweep(paths: Paths): Promise<void> {
  const left = namesIn(volumesDir(paths)).filter((name) => {
    const pid = NAME.exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });
  await removeTrees(left.map((name) => join(volumesDir(paths), name)));
}

export async function withStaging<T>(paths: Paths, work: (staging: Staging) => Promise<T>): Promise<T> {
  makeFolder(volumesDir(paths));
  await sweep(paths);
  const name = `.making-${process.pid}-${randomBytes(6).toString('hex')}`;
  const folder = join(volumesDir(paths), name);
  const data = join(folder, 'volume', '_data');
  await mkdir(join(folder, 'volume'), { recursive: true, mode: 0o700 });
  await mkdir(data, { mode: 0o755 });
  try {
    return await work({ name, folder, data });
  } finally {
    await removeTrees([folder]);
  }
}

export const runningUsers = (paths: Paths, name: string): readonly ContainerRecord[] =>
  readContainerRecords(paths).filter((record) => usersOf([record], name).length > 0 && isRunning(paths, record));

const refuse = (name: string, what: string, help: string): TcomposeError =>
  new TcomposeError(`volume ${name} ${what}`, { code: 'volume-exists', address: `volume/${name}`, help });

const hasContent = (name: string): TcomposeError =>
  refuse(name, 'is there already and is not empty', 'choose another name; nothing in it was touched');

/** Before anything is done, and once more when the content is ready. */
export async function checkTarget(paths: Paths, name: string): Promise<VolumeRecord | undefined> {
  checkName(name);
  const record = readVolume(paths, name);
  if (record === undefined) return undefined;
  if (needsMount(record.madeFrom))
    throw refuse(name, 'has driver options: what is mounted there is not filled from here', 'choose another name');
  const users = runningUsers(paths, name).map((user) => user.name);
  if (users.length > 0) throw refuse(name, `is mounted by ${users.join(', ')}`, 'stop the containers first');
  const folder = await opendir(volumeData(paths, name));
  const first = await folder.read();
  await folder.close();
  if (first !== null) throw hasContent(name);
  return record;
}

/** As a new volume, or as the content of one that is there and empty: rename(2) replaces empty folders only. */
export async function publish(host: Host, staging: Staging, wanted: DesiredVolume): Promise<void> {
  const { paths } = host;
  const { name } = wanted;
  const taken = (error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOTEMPTY' || error.code === 'EEXIST' ? hasContent(name) : error;
  };
  const present = await checkTarget(paths, name);
  if (present !== undefined) {
    await withFolderLock(volumeDir(paths, name), async () => {
      await checkTarget(paths, name);
      await rename(staging.data, volumeData(paths, name)).catch(taken);
      await writeVolume(paths, { ...present, seeded: true });
    });
    return;
  }
  checkDriverOptions(wanted);
  const createdAt = new Date().toISOString();
  const record = { version: RECORD_VERSION, name, createdAt, madeFrom: wanted, anonymous: false, seeded: true };
  await writeRecord(join(staging.folder, 'volume', 'volume.json'), record satisfies VolumeRecord);
  await rename(join(staging.folder, 'volume'), volumeDir(paths, name)).catch(taken);
  await syncFolderOf(volumeDir(paths, name));
}
