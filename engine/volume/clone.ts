/** A copy of a volume as another volume. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statfs } from 'node:fs/promises';
import type { DesiredVolume } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { VolumeCopyFacts, VolumeCopyOptions } from '../../src/model/volume-facts.ts';
import { readRuntime } from '../container/runtime.ts';
import type { Host } from '../host.ts';
import { volumeData } from '../state/paths.ts';
import type { ContainerRecord, VolumeRecord } from '../state/records.ts';
import { attachVolume, detachVolumes } from './attach.ts';
import { copyTree, sharesBlocks, treeSize } from './copy-tree.ts';
import { needsMount } from './mount-options.ts';
import { checkTarget, publish, runningUsers, type Staging, withStaging } from './staging.ts';
import { readVolume, volumeMissing } from './volume-records.ts';

const mustRead = (host: Host, name: string): VolumeRecord => {
  const record = readVolume(host.paths, name);
  if (record === undefined) throw volumeMissing(name);
  return record;
};

/** With what its driver options say mounted, until it is released. */
export async function attached(
  host: Host,
  name: string,
): Promise<{ readonly data: string; readonly release: () => Promise<void> }> {
  mustRead(host, name);
  const data = await attachVolume(host.paths, name);
  const release = () => detachVolumes(host.paths, [{ kind: 'volume', source: name }], runningUsers(host.paths, name));
  return { data, release };
}

/** The new volume is a plain one of this host, whatever the source is. */
export async function cloneVolume(
  host: Host,
  from: string,
  wanted: DesiredVolume,
  options: VolumeCopyOptions,
): Promise<VolumeCopyFacts> {
  await host.instance();
  const source = mustRead(host, from);
  await checkTarget(host.paths, wanted.name);
  const { data, release } = await attached(host, from);
  try {
    return await withStaging(host.paths, async (staging) => {
      const users = runningUsers(host.paths, from);
      const facts = await factsOf(staging, source, data, options.pause ? [] : users);
      options.onBegin?.(facts);
      if (!facts.sharesBlocks) await checkRoom(staging, wanted.name, facts.bytes);
      const { signal } = options;
      const onProgress = facts.sharesBlocks ? undefined : options.onProgress;
      const copy = () => copyTree(host, source, staging, { signal, onProgress });
      await whilePaused(host, options.pause ? users : [], copy);
      await syncAll(staging);
      await publish(host, staging, wanted);
      return facts;
    });
  } finally {
    await release();
  }
}

async function factsOf(
  staging: Staging,
  source: VolumeRecord,
  data: string,
  running: readonly ContainerRecord[],
): Promise<VolumeCopyFacts> {
  const [size, shares] = await Promise.all([
    treeSize(data),
    needsMount(source.madeFrom) ? false : sharesBlocks(staging),
  ]);
  return { ...size, sharesBlocks: shares, running: running.map(({ name }) => name) };
}

async function checkRoom({ folder }: Staging, name: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bytes <= bavail * bsize) return;
  throw new TcomposeError(
    `there is no room for volume ${name}: ${bytes} bytes are needed, ${bavail * bsize} are free`,
    {
      code: 'disk-full',
      address: `volume/${name}`,
      help: 'make room: tcompose volume prune, df -h',
    },
  );
}

/** What is paused already stays so. */
async function whilePaused(host: Host, users: readonly ContainerRecord[], work: () => Promise<void>): Promise<void> {
  const names = users.filter((user) => readRuntime(host.paths, user).status === 'running').map(({ name }) => name);
  if (names.length === 0) return work();
  const { pauseContainers, unpauseContainers } = await import('../container/pause.ts');
  const failures = await pauseContainers(host, names);
  try {
    for (const error of failures.values()) throw error;
    await work();
  } finally {
    await unpauseContainers(
      host,
      names.filter((name) => !failures.has(name)),
    );
  }
}

/** A record is on the disk when it is published: what it is about must be, too. */
export async function syncAll({ folder }: Staging): Promise<void> {
  await once(spawn('sync', ['-f', '--', folder], { stdio: 'ignore' }), 'close');
}

/** Of what is mounted from elsewhere nothing is on this disk. */
export const sizeOf = async (host: Host, name: string): Promise<number> => {
  const { madeFrom } = mustRead(host, name);
  return needsMount(madeFrom) ? 0 : (await treeSize(volumeData(host.paths, name))).bytes;
};
