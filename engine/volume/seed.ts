/**
 * A volume's first content: what the image has at the mount's target. Crash-safe: the copy is made beside the volume (`seed`), named
 * `seed.ready` when it is whole, and then moved into `_data`, whose folder stays the same one since a container may have it mounted.
 * Whoever finds a seed.ready goes on with it; a seed is thrown away.
 */
import { lstat, mkdir, readdir, rename, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import { withFolderLock } from '../state/file-lock.ts';
import { type Paths, volumeDir } from '../state/paths.ts';
import type { MountRecord } from '../state/records.ts';
import { removeTrees } from '../state/remove-trees.ts';
import { attachVolume } from './attach.ts';
import { copyFolder, copyFromImage } from './copy-up.ts';
import { mayHave } from './look-up.ts';
import { needsMount } from './mount-options.ts';
import { readVolume, volumeMissing, writeVolume } from './volume-records.ts';

export interface SeedContext {
  readonly paths: Paths;
  readonly launcher: string;
  /** The image's, topmost first. */
  readonly layers: readonly string[];
}

/** One volume being seeded. */
interface Seeding extends SeedContext {
  readonly mount: MountRecord;
  /** What the container will see. */
  readonly data: string;
  /** Something is mounted there: renaming into it is not possible. */
  readonly isMount: boolean;
}

const ownFolder = ({ paths, mount }: Seeding, name: string): string => join(volumeDir(paths, mount.source), name);
const what = ({ mount }: Seeding): string => `the image's ${mount.target} into volume ${mount.source}`;

/** Names as bytes: images need not be UTF-8. */
const entryPath = (folder: string, name: Buffer): Buffer => Buffer.concat([Buffer.from(`${folder}/`), name]);

/** May be done twice: what is already in its place is not there any more to be moved. What a container made meanwhile stays. */
const moveIntoPlace = async (seeding: Seeding): Promise<void> => {
  const { data } = seeding;
  const [ready, aside] = [ownFolder(seeding, 'seed.ready'), ownFolder(seeding, 'seed')];
  await mkdir(aside, { recursive: true, mode: 0o700 });
  const { atime, mtime } = await lstat(ready); // before it changes with every entry that goes
  for (const [index, entry] of (await readdir(ready, { encoding: 'buffer' })).entries()) {
    const isTaken = await lstat(entryPath(data, entry)).catch(() => undefined);
    await rename(
      entryPath(ready, entry),
      isTaken === undefined ? entryPath(data, entry) : join(aside, `taken-${index}`),
    );
  }
  // Nothing is left of it but the folder's own owner, mode and attributes.
  await copyFolder(ready, data, what(seeding));
  await utimes(data, atime, mtime);
  await removeTrees([ready]);
};

const overFile = (target: string): TcomposeError =>
  new TcomposeError(`cannot mount a volume on ${target}: the image has a file there`, {
    code: 'bad-mount',
    help: 'mount it somewhere else',
  });

/** True: the volume has got content. */
const copy = async (seeding: Seeding): Promise<boolean> => {
  const { mount, launcher, layers } = seeding;
  const work = ownFolder(seeding, 'seed');
  await mkdir(work, { mode: 0o700 });
  const copied = await copyFromImage({ launcher, layers, path: mount.target }, work, what(seeding));
  if (copied === 'not-a-folder' && mount.anonymous) throw overFile(mount.target);
  if (copied !== 'copied') return false;
  const content = join(work, 'content');
  const isEmpty = (await readdir(content)).length === 0;
  if (seeding.isMount) {
    await copyFolder(content, seeding.data, what(seeding));
  } else {
    await rename(content, ownFolder(seeding, 'seed.ready'));
    await moveIntoPlace(seeding);
  }
  return !isEmpty;
};

/** Under the volume's lock. True: never again. An empty volume may still get content from another image, as with Docker. */
const fill = async (seeding: Seeding): Promise<boolean> => {
  const own = await readdir(volumeDir(seeding.paths, seeding.mount.source));
  const aside = ownFolder(seeding, 'seed');
  if (own.includes('seed')) await removeTrees([aside]);
  if (!own.includes('seed.ready') && (await readdir(seeding.data)).length > 0) return true;
  try {
    if (!own.includes('seed.ready')) return await copy(seeding);
    await moveIntoPlace(seeding);
    return true;
  } finally {
    await removeTrees([aside]);
  }
};

/**
 * A part of a volume, as Docker has it: made where the image has a folder at the target, and filled where it is empty. The path is what
 * containers wrote, so that it is resolved beneath the volume, by the program that copies.
 */
const seedPart = async ({ paths, launcher, layers }: SeedContext, mount: MountRecord): Promise<void> => {
  const { source, target, subpath = '' } = mount;
  const data = await attachVolume(paths, source);
  await withFolderLock(volumeDir(paths, source), async () => {
    if (await hasContent(join(data, subpath))) return;
    const work = join(volumeDir(paths, source), 'seed');
    await removeTrees([work]);
    await mkdir(work, { mode: 0o700 });
    const to = `the image's ${target} into ${subpath} of volume ${source}`;
    try {
      await copyFromImage({ launcher, layers, path: target }, work, to, { data, subpath });
    } finally {
      await removeTrees([work]);
    }
  });
};

/** Anything but an empty folder, wherever a link leads: that it leads out of the volume is the copying program's to refuse. */
const hasContent = async (path: string): Promise<boolean> => {
  const entries = await readdir(path).catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? [] : ['file'],
  );
  return entries.length > 0;
};

export const seedVolume = async (context: SeedContext, mount: MountRecord): Promise<void> => {
  const { paths } = context;
  if (!mayHave(context.layers, mount.target)) return;
  if (mount.subpath !== undefined) return seedPart(context, mount);
  const data = await attachVolume(paths, mount.source);
  await withFolderLock(volumeDir(paths, mount.source), async () => {
    const record = readVolume(paths, mount.source);
    if (record === undefined) throw volumeMissing(mount.source);
    if (record.seeded) return;
    const isMount = needsMount(record.madeFrom);
    if (await fill({ ...context, mount, data, isMount })) await writeVolume(paths, { ...record, seeded: true });
  });
};
