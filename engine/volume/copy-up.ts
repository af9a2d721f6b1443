/** Copies a folder of an image, or any folder, with owners, modes, times, attributes and hard links: cp(1) does the work. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import type { LaunchOp } from '../launcher/ops.ts';
import { overlayOps } from '../launcher/overlay.ts';
import { encodeProgram } from '../launcher/wire.ts';
import { readText } from '../state/files.ts';
import { soleFolder } from './look-up.ts';

export interface ImageFolder {
  readonly launcher: string;
  /** The image's, topmost first. */
  readonly layers: readonly string[];
  /** As the mount's target: links in it are the image's, and stay in it. */
  readonly path: string;
}

/** A folder in a volume, resolved beneath it: what lies there was written by containers. */
interface VolumePart {
  readonly data: string;
  readonly subpath: string;
}

export type Copied = 'copied' | 'nothing-there' | 'not-a-folder';

const CLONE_NEWNS = 0x00020000;
const MS_RDONLY = 1;
const MS_PRIVATE_REC = (1 << 18) | (1 << 14);
const O_PATH = 0o10000000;
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9n;
const ENOENT = 2;
const ENOTDIR = 20;

const ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const cpArguments = (from: string, to: string) => ['-a', '--reflink=auto', '--', `${from}/.`, to];

/** The part is made where it is missing, and takes the place of `content`: for this program alone. */
const partOps = ({ data, subpath }: VolumePart): readonly LaunchOp[] => [
  { op: 'open', slot: 3, path: data, flags: O_PATH | constants.O_DIRECTORY },
  { op: 'mkdir-in', root: 3, inside: subpath, mode: 0o755, parents: true },
  { op: 'open-in', slot: 4, root: 3, inside: subpath, flags: O_PATH | constants.O_DIRECTORY },
  {
    op: 'bind-in',
    root: 1,
    source: '',
    sourceRoot: 4,
    inside: 'content',
    recursive: false,
    attributes: 0,
    propagation: 0,
  },
];

/** The overlay is only ever mounted in a mount namespace that ends with the copying program, which ends with us. */
const copyProgram = (work: string, image: ImageFolder, part?: VolumePart): readonly LaunchOp[] => [
  { op: 'prctl', option: PR_SET_PDEATHSIG, arg2: SIGKILL },
  { op: 'unshare', flags: CLONE_NEWNS },
  { op: 'mount', source: '', path: '/', type: '', flags: MS_PRIVATE_REC },
  // Without an upper folder there must be two lower ones: an empty one goes below.
  ...overlayOps({ layers: [...image.layers, join(work, 'empty')], on: join(work, 'root'), flags: MS_RDONLY }),
  { op: 'open', slot: 0, path: join(work, 'root'), flags: O_PATH },
  { op: 'open', slot: 1, path: work, flags: O_PATH },
  { op: 'open-in', slot: 2, root: 0, inside: image.path, flags: O_PATH | constants.O_DIRECTORY },
  {
    op: 'bind-in',
    root: 1,
    source: '',
    sourceRoot: 2,
    sourceInside: '.',
    inside: 'from',
    recursive: false,
    attributes: 0,
    propagation: 0,
  },
  ...(part === undefined ? [] : partOps(part)),
  {
    op: 'exec',
    argv: ['cp', ...cpArguments(join(work, 'from'), join(work, 'content'))],
    env: Object.entries(ENV).map(([key, value]) => `${key}=${value}`),
  },
];

const copyFailed = (what: string, said: string): TcomposeError => {
  const isFull = said.includes('No space left on device') || said.includes('Disk quota exceeded');
  const why = isFull ? 'the disk is full' : said.split('\n')[0];
  return new TcomposeError(`cannot copy ${what}: ${why}`, {
    code: isFull ? 'disk-full' : 'seed-failed',
    help: isFull
      ? 'make room (df -h), then run it again'
      : 'run it again; if it fails again, mount the volume with nocopy',
  });
};

/** Exit code and the beginning of what it complained about. */
const run = async (program: string, argv: readonly string[]): Promise<{ code: number | null; said: string }> => {
  const process = spawn(program, argv, { stdio: ['ignore', 'ignore', 'pipe'], env: ENV });
  let said = '';
  process.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(0, 4096);
  });
  const [code] = (await once(process, 'close')) as [number | null];
  return { code, said: said.trim() };
};

/** Fills `work`/content, or a part of a volume; `work` exists and is empty. `what` is for messages. */
export const copyFromImage = async (
  image: ImageFolder,
  work: string,
  what: string,
  part?: VolumePart,
): Promise<Copied> => {
  for (const name of ['root', 'from', 'empty', 'content']) await mkdir(join(work, name), { mode: 0o700 });
  const folder = part === undefined ? soleFolder(image.layers, image.path) : undefined;
  if (folder !== undefined) {
    await copyFolder(folder, join(work, 'content'), what);
    return 'copied';
  }
  const program = copyProgram(work, image, part);
  const file = join(work, 'program');
  await writeFile(file, encodeProgram(program), { mode: 0o600 });
  const { code, said } = await run(image.launcher, ['exec', file]);
  if (code === 0) return 'copied';
  const failure = readText(`${file}.error`)?.trim().split(' ').map(Number);
  if (failure === undefined) throw copyFailed(what, said === '' ? `cp ended with ${code}` : said);
  const [, index = -1, errno] = failure;
  const op = program[index]?.op;
  if (program[index] !== program.find(({ op }) => op === 'open-in'))
    throw copyFailed(what, `${op ?? 'the launcher'} failed with errno ${errno}`);
  if (op === 'open-in' && errno === ENOENT) return 'nothing-there';
  if (op === 'open-in' && errno === ENOTDIR) return 'not-a-folder';
  throw copyFailed(what, `${op ?? 'the launcher'} failed with errno ${errno}`);
};

/** The content and attributes of one folder onto another. */
export const copyFolder = async (from: string, to: string, what: string): Promise<void> => {
  const { code, said } = await run('cp', cpArguments(from, to));
  if (code !== 0) throw copyFailed(what, said);
};
