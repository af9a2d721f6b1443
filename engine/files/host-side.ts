/** The host's end of a copy: paths as `docker cp` reads them. */
import { lstatSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { posix } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import { O_CLOEXEC, O_DIRECTORY, O_PATH } from '../container/linux.ts';
import type { LaunchOp } from '../launcher/ops.ts';
import { ROOT } from './container-root.ts';
import { type CopySource, type CopyTarget, saysFolder, sourceName } from './copy-plan.ts';

export const hostReach = (folder: string): readonly LaunchOp[] => [
  { op: 'open', slot: ROOT, path: folder, flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
];

/** `path` is absolute, with what it ended in. */
export function hostSource(path: string, followLink: boolean): CopySource & { readonly inside: string } {
  const clean = posix.resolve('/', path);
  const real = followLink || saysFolder(path) ? resolved(clean) : clean;
  const status = looked(real, path);
  if (saysFolder(path) && !status.isDirectory())
    throw new TcomposeError(`not a directory: ${path}`, { code: 'bad-copy' });
  const inside = status.isDirectory() ? `${real}/.` : posix.join(resolved(posix.dirname(real)), posix.basename(real));
  return { isFolder: status.isDirectory(), name: sourceName(path), inside };
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw noSuch(path, error);
  }
}

function looked(path: string, asked: string): Stats {
  try {
    return lstatSync(path);
  } catch (error) {
    throw noSuch(asked, error);
  }
}

const noSuch = (path: string, cause: unknown) => {
  const { code } = cause as NodeJS.ErrnoException;
  const why = code === 'ENOENT' ? 'no such file or directory' : code === 'ENOTDIR' ? 'not a directory' : code;
  return new TcomposeError(`cannot copy ${path}: ${why}`, { code: 'no-such-file', cause });
};

/** Links are followed, also to what does not exist yet. */
export function hostTarget(path: string): CopyTarget {
  let at = path;
  for (let links = 0; links <= 10; links++) {
    const status = statusOf(at);
    if (status === undefined) return missing(at, path);
    if (!status.isSymbolicLink()) return { path: at, kind: status.isDirectory() ? 'folder' : 'other' };
    at = posix.resolve(posix.dirname(at), readlinkSync(at));
  }
  throw new TcomposeError(`too many levels of symbolic links: ${path}`, { code: 'bad-copy' });
}

function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(saysFolder(path) ? `${posix.resolve('/', path)}/.` : path, { throwIfNoEntry: false });
  } catch (error) {
    throw noSuch(path, error);
  }
}

/** Its parent has to be there. */
function missing(at: string, asked: string): CopyTarget {
  const parent = posix.dirname(posix.resolve('/', at));
  const status = statSync(parent, { throwIfNoEntry: false });
  if (status === undefined)
    throw new TcomposeError(`invalid output path: directory ${JSON.stringify(parent)} does not exist`, {
      code: 'no-such-file',
      help: `make it first:\n    mkdir -p ${parent}`,
    });
  if (!status.isDirectory()) throw new TcomposeError(`not a directory: ${asked}`, { code: 'bad-copy' });
  return { path: at, kind: 'missing' };
}
