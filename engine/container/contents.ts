/**
 * Secrets and configs that the engine writes: a file for each, which the container sees bound. They lie in RUN, which is memory, so that
 * no secret is ever on a disk; a config's text is kept beside the container's record too, for the next life of the machine.
 * A file is rewritten, never replaced: who runs sees the new text, and who watches the file hears of it.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import type { ProvidedText } from '../../src/model/volume-facts.ts';
import type { Host } from '../host.ts';
import { makeFolder } from '../state/files.ts';
import { containerDir, contentsDir, type Paths } from '../state/paths.ts';
import type { ContainerRecord, MountRecord } from '../state/records.ts';

/** Targets may be longer than names can be. */
const nameOf = (target: string): string => createHash('sha256').update(target).digest('hex').slice(0, 24);

/** What is bound. */
export const contentFile = (paths: Paths, id: string, target: string): string =>
  join(contentsDir(paths, id), nameOf(target));

const keptFile = (paths: Paths, id: string, target: string): string =>
  join(containerDir(paths, id), 'configs', nameOf(target));

const isWritten = (mount: MountRecord): boolean => mount.kind === 'file';

/** Those that are there stay unless `isNew`: then what they say is not known to be what is wanted. */
export async function writeContents(
  host: Host,
  { id, name, mounts, replaces }: ContainerRecord,
  { isNew, only = mounts }: { readonly isNew: boolean; readonly only?: readonly MountRecord[] },
): Promise<void> {
  const wanted = only.filter(isWritten);
  if (wanted.length === 0) return;
  makeFolder(contentsDir(host.paths, id));
  for (const mount of wanted) {
    const file = contentFile(host.paths, id, mount.target);
    const text =
      host.contents.get(mount.content!.digest) ??
      (isNew || !(await isThere(file)) ? await readKept(host.paths, [id, replaces], mount) : undefined);
    if (text !== undefined) await writeOne(host.paths, id, mount, text);
    else if (!(await isThere(file))) throw textGone(name, mount);
  }
}

const isThere = async (file: string): Promise<boolean> => {
  const found = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
  await found?.close();
  return found !== undefined;
};

/** Also of a container that this one takes the place of with nothing changed: nobody was asked for the text again. Last, the host's file. */
async function readKept(
  paths: Paths,
  ids: readonly (string | undefined)[],
  { target, source }: MountRecord,
): Promise<ProvidedText | undefined> {
  for (const id of ids) {
    for (const file of id === undefined ? [] : [contentFile(paths, id, target), keptFile(paths, id, target)]) {
      const bytes = await readFile(file).catch(() => undefined);
      if (bytes !== undefined) return bytes;
    }
  }
  return source !== '' && (await isThere(source)) ? { file: source } : undefined;
}

async function writeOne(paths: Paths, id: string, mount: MountRecord, text: ProvidedText): Promise<void> {
  const { uid, gid, mode } = mount.owner!;
  const file = contentFile(paths, id, mount.target);
  await rewrite(file, text, { uid, gid, mode }).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'ENOSPC' ? noRoom(mount, paths.run, cause) : cause;
  });
  if (!mount.content!.of.startsWith('config ') || 'file' in text) return;
  const kept = keptFile(paths, id, mount.target);
  await mkdir(dirname(kept), { recursive: true, mode: 0o700 });
  await rewrite(kept, text, { uid: 0, gid: 0, mode: 0o600 });
}

/** One write, then the rest of a longer text before it goes: a reader sees one of both or, for a moment, the new one with an old end. */
async function rewrite(
  path: string,
  text: ProvidedText,
  { uid, gid, mode }: NonNullable<MountRecord['owner']>,
): Promise<void> {
  const { O_WRONLY, O_CREAT, O_NOFOLLOW } = constants;
  const file = await open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    // Owner and mode first: nobody who is not to read it may, not even for a moment. chown(2) takes set-id bits away.
    await file.chown(uid, gid);
    await file.chmod(mode);
    await file.truncate('file' in text ? await copyInto(file, text.file) : await writeInto(file, text, 0));
  } finally {
    await file.close();
  }
}

/** How many bytes there are then. A pipe that lies in wait would keep us waiting for ever. */
async function copyInto(file: FileHandle, path: string): Promise<number> {
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants;
  const from = await open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  try {
    const chunk = Buffer.allocUnsafe(1 << 20);
    for (let at = 0; ; ) {
      const { bytesRead } = await from.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) return at;
      at = await writeInto(file, chunk.subarray(0, bytesRead), at);
    }
  } finally {
    await from.close();
  }
}

/** write(2) may write less than it was given. Where it ended. */
async function writeInto(file: FileHandle, bytes: Uint8Array, at: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  return at + done;
}

export const removeContents = (paths: Paths, id: string): Promise<void> =>
  rm(contentsDir(paths, id), { recursive: true, force: true });

const noRoom = ({ content }: MountRecord, folder: string, cause: Error): TcomposeError =>
  new TcomposeError(`there is no room in ${folder} for the copy of ${content!.of}`, {
    code: 'disk-full',
    help: 'texts with an owner or a mode of their own lie in memory: leave uid, gid and mode out, and the file itself is mounted',
    cause,
  });

const textGone = (container: string, { content }: MountRecord): TcomposeError =>
  new TcomposeError(`the text of ${content!.of} is not kept on disk, and went with the last life of this machine`, {
    code: 'content-gone',
    address: `container/${container}`,
    help: 'give it again:\n    tcompose up -d',
  });
