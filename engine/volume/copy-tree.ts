/** One volume's content into a staging folder: cp(1) keeps owners, times, holes, links and attributes, and shares blocks where it can. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, readFileSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import { CLONE, MS, O_CLOEXEC, O_DIRECTORY, O_PATH } from '../container/linux.ts';
import type { Host } from '../host.ts';
import type { LaunchOp } from '../launcher/ops.ts';
import { encodeProgram } from '../launcher/wire.ts';
import { readText } from '../state/files.ts';
import { volumeData } from '../state/paths.ts';
import type { VolumeRecord } from '../state/records.ts';
import { needsMount } from './mount-options.ts';
import type { Staging } from './staging.ts';
import { volumesDir } from './volume-records.ts';

const ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9n;
/** mount_setattr(2): no symbolic link is followed, so a container that swaps a folder for a link while it is copied leads nowhere. */
const NOSYMFOLLOW = 0x00200000;

/** Both ends lie in one mount where they can: kernels before 5.18 share blocks within one mount only. */
function program({ paths }: Host, from: VolumeRecord, { name, folder, data }: Staging): readonly LaunchOp[] {
  const isApart = needsMount(from.madeFrom);
  const seen = join(folder, 'seen');
  const [source, target] = isApart ? [seen, data] : [join(seen, from.name, '_data'), join(seen, name, 'volume/_data')];
  return [
    { op: 'prctl', option: PR_SET_PDEATHSIG, arg2: SIGKILL },
    { op: 'unshare', flags: CLONE.NEWNS },
    { op: 'mount', source: '', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
    { op: 'open', slot: 0, path: folder, flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
    {
      op: 'bind-in',
      root: 0,
      source: isApart ? volumeData(paths, from.name) : volumesDir(paths),
      inside: 'seen',
      recursive: false,
      attributes: NOSYMFOLLOW,
      propagation: 0,
    },
    {
      op: 'exec',
      argv: ['cp', '-a', '--reflink=auto', '--', `${source}/.`, target],
      env: Object.entries(ENV).map(([key, value]) => `${key}=${value}`),
    },
  ];
}

/** Whether FICLONE works there (ioctl_ficlone(2)), tried on a file of a block. */
export async function sharesBlocks({ folder }: Staging): Promise<boolean> {
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  await writeFile(one, Buffer.alloc(4096));
  return copyFile(one, two, constants.COPYFILE_FICLONE_FORCE).then(
    () => true,
    () => false,
  );
}

export interface TreeSize {
  readonly bytes: number;
  readonly files: number;
}

/** As du(1) counts: blocks in use, files of several names once. */
export async function treeSize(folder: string): Promise<TreeSize> {
  const [bytes, files] = await Promise.all([du(['-B1'], folder), du(['--inodes'], folder)]);
  return { bytes, files };
}

async function du(how: readonly string[], folder: string): Promise<number> {
  const child = spawn('du', ['-s', '-x', ...how, '--', folder], { stdio: ['ignore', 'pipe', 'ignore'], env: ENV });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await once(child, 'close');
  return Number.parseInt(said, 10) || 0;
}

/** What a process has given to write(2) and copy_file_range(2) (proc_pid_io(5)). */
function written(pid: number): number | undefined {
  try {
    const line = /^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'));
    return line === null ? undefined : Number(line[1]);
  } catch {
    return undefined;
  }
}

const PROGRESS_MS = 250;

export async function copyTree(
  host: Host,
  from: VolumeRecord,
  staging: Staging,
  options: { readonly signal?: AbortSignal | undefined; readonly onProgress?: ((bytes: number) => void) | undefined },
): Promise<void> {
  const { signal, onProgress } = options;
  await mkdir(join(staging.folder, 'seen'), { mode: 0o700 });
  const ops = program(host, from, staging);
  const file = join(staging.folder, 'program');
  await writeFile(file, encodeProgram(ops), { mode: 0o600 });
  signal?.throwIfAborted();
  const child = spawn(host.launcher, ['exec', file], { stdio: ['ignore', 'ignore', 'pipe'], env: ENV });
  const stop = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', stop);
  const tick = setInterval(() => {
    const bytes = onProgress && child.pid !== undefined ? written(child.pid) : undefined;
    if (bytes !== undefined) onProgress?.(bytes);
  }, PROGRESS_MS);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(0, SAID_AT_MOST);
  });
  const [code] = (await once(child, 'close').finally(() => {
    clearInterval(tick);
    signal?.removeEventListener('abort', stop);
  })) as [number | null];
  if (signal?.aborted) throw interrupted(from.name);
  const refused = readText(`${file}.error`)?.trim();
  if (code !== 0 && (refused !== undefined || !onlyVanished(said)))
    throw failed(from.name, refused ?? said.trim(), code);
}

const SAID_AT_MOST = 1 << 20;
const VANISHED = /^cp: cannot (?:stat|open|access) '.*[^.]'(?: for reading)?: No such file or directory$/;

/** Who writes meanwhile also removes: what went before it was copied is not there at the end either. The volume itself must be (`/.`). */
const onlyVanished = (said: string): boolean =>
  said !== '' &&
  said.length < SAID_AT_MOST &&
  said
    .trim()
    .split('\n')
    .every((line) => VANISHED.test(line));

export const interrupted = (name: string): TcomposeError =>
  new TcomposeError(`copying volume ${name} was interrupted: nothing of the copy is kept`, { code: 'interrupted' });

function failed(name: string, said: string, code: number | null): TcomposeError {
  const isFull = said.includes('No space left on device') || said.includes('Disk quota exceeded');
  const why = isFull ? 'the disk is full' : said === '' ? `cp ended with ${code}` : said.split('\n')[0];
  return new TcomposeError(`cannot copy volume ${name}: ${why}`, {
    code: isFull ? 'disk-full' : 'volume-copy-failed',
    address: `volume/${name}`,
    help: isFull
      ? 'make room (df -h), then run it again: nothing of the copy is kept'
      : 'run it again, with --pause where a container writes to it meanwhile: nothing of the copy is kept',
  });
}
