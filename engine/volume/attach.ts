/** Makes what is behind a mount ready: volumes with driver options mounted, bind sources there. And the end of that. */
import { execFile } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { TcomposeError } from '../../src/model/errors.ts';
import { withFolderLock } from '../state/file-lock.ts';
import { type Paths, volumeData, volumeDir } from '../state/paths.ts';
import type { ContainerRecord, MountRecord, VolumeRecord } from '../state/records.ts';
import { hostToResolve, isBind, mountArguments, needsMount, withoutPasswords } from './mount-options.ts';
import { readVolume, usersOf, volumeMissing } from './volume-records.ts';

const run = promisify(execFile);

/** mountinfo writes blanks and the like in octal (proc(5)). */
export const isMounted = async (folder: string): Promise<boolean> => {
  const text = await readFile('/proc/self/mountinfo', 'latin1');
  const wanted = Buffer.from(folder)
    .toString('latin1')
    .replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return text.split('\n').some((line) => line.split(' ')[4] === wanted);
};

const addressOf = async (volume: string, host: string | undefined): Promise<string | undefined> => {
  if (host === undefined || isIP(host) !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch (cause) {
    throw new TcomposeError(`cannot mount volume ${volume}: its server ${host} is not known`, {
      code: 'volume-mount-failed',
      address: `volume/${volume}`,
      help: 'correct the name in its driver_opts, or what this machine asks for names',
      cause,
    });
  }
};

const mountVolume = async (paths: Paths, { name, madeFrom }: VolumeRecord): Promise<void> => {
  const folder = volumeData(paths, name);
  if (isBind(madeFrom)) await mustExist(madeFrom.driverOpts['device']!, `volume/${name}`);
  const address = await addressOf(name, hostToResolve(madeFrom));
  try {
    await run('mount', [...mountArguments(madeFrom, folder, address)]);
  } catch (cause) {
    const said = withoutPasswords(
      String((cause as { stderr?: string }).stderr ?? '')
        .trim()
        .split('\n')[0]!,
    );
    throw new TcomposeError(`cannot mount volume ${name}${said === '' || said === undefined ? '' : `: ${said}`}`, {
      code: 'volume-mount-failed',
      address: `volume/${name}`,
      help: 'correct its driver_opts (type, o, device), remove the volume and create it again',
      cause,
    });
  }
};

/** The folder to bind. */
export const attachVolume = async (paths: Paths, name: string): Promise<string> => {
  const record = readVolume(paths, name);
  if (record === undefined) throw volumeMissing(name);
  const folder = volumeData(paths, name);
  if (!needsMount(record.madeFrom)) return folder;
  await withFolderLock(volumeDir(paths, name), async () => {
    if (!(await isMounted(folder))) await mountVolume(paths, record);
  });
  return folder;
};

export const unmountVolume = async (paths: Paths, name: string): Promise<void> => {
  const folder = volumeData(paths, name);
  // Lazily: who still uses it keeps it, and the host is rid of it.
  while (await isMounted(folder)) await run('umount', ['-l', '--', folder]);
};

/** What no running container uses any more. */
export const detachVolumes = async (
  paths: Paths,
  mounts: readonly Pick<MountRecord, 'kind' | 'source'>[],
  running: readonly ContainerRecord[],
): Promise<void> => {
  for (const mount of mounts) {
    if (mount.kind !== 'volume' || usersOf(running, mount.source).length > 0) continue;
    const record = readVolume(paths, mount.source);
    if (record === undefined || !needsMount(record.madeFrom)) continue;
    await withFolderLock(volumeDir(paths, mount.source), () => unmountVolume(paths, mount.source));
  }
};

const mustExist = async (path: string, address: string): Promise<void> => {
  await stat(path).catch((cause: unknown) => {
    throw new TcomposeError(`the bind source ${path} does not exist`, {
      code: 'bind-source-missing',
      address,
      help: `create it:\n    mkdir -p ${path}`,
      cause,
    });
  });
};

/** Short syntax makes a missing source, as a folder of root's. */
export const attachBind = async (mount: MountRecord): Promise<string> => {
  const isThere = await stat(mount.source).then(
    () => true,
    () => false,
  );
  if (isThere) return mount.source;
  if (!mount.createHostPath) await mustExist(mount.source, `mount/${mount.target}`);
  await mkdir(mount.source, { recursive: true, mode: 0o755 }).catch((cause: unknown) => {
    throw new TcomposeError(`the bind source ${mount.source} does not exist and cannot be made`, {
      code: 'bind-source-missing',
      address: `mount/${mount.target}`,
      help: 'correct the path, or create it',
      cause,
    });
  });
  return mount.source;
};
