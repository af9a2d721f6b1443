/** Small texts of a context (the Dockerfile, .dockerignore), found as if the context were the root of everything. */
import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { join, posix } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import { ROOT } from '../../files/container-root.ts';
import { hostReach } from '../../files/host-side.ts';
import { look } from '../../files/look.ts';
import type { Host } from '../../host.ts';

export const TEXT_MAX = 1 << 20;

/** Undefined: there is no such file. */
export async function readTextIn(host: Host, folder: string, path: string): Promise<string | undefined> {
  const inside = posix.join('/', path);
  const quick = readPlain(realpathSync(folder), inside);
  return quick === 'link' ? readThroughLinks(host, folder, inside) : quick;
}

/** Without a launcher, where no link is on the way: afterwards the kernel tells where the file really is. */
function readPlain(folder: string, inside: string): string | undefined | 'link' {
  const path = join(folder, inside);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A link in the middle may lead nowhere outside, and somewhere inside.
    return code === 'ENOENT' && isPlainParent(path) ? undefined : 'link';
  }
  try {
    if (readlinkSync(`/proc/self/fd/${fd}`) !== path) return 'link';
    const status = fstatSync(fd);
    if (!status.isFile()) throw notText(inside);
    if (status.size > TEXT_MAX) throw tooLarge(inside);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function isPlainParent(path: string): boolean {
  const parent = posix.dirname(path);
  try {
    return realpathSync(parent) === parent;
  } catch {
    return false;
  }
}

async function readThroughLinks(host: Host, folder: string, inside: string): Promise<string | undefined> {
  const reach = hostReach(folder);
  const found = await look(host, reach, inside);
  if (found.kind === 'missing') return undefined;
  const ops = [...reach, { op: 'read-in', root: ROOT, inside, maxBytes: TEXT_MAX } as const];
  const { data } = await (await host.session()).run(ops);
  return data.get(ops.length - 1)?.toString();
}

const notText = (path: string): TcomposeError =>
  new TcomposeError(`${path} of the context is no file`, { code: 'unreadable-file', help: 'name a file' });

const tooLarge = (path: string): TcomposeError =>
  new TcomposeError(`${path} of the context is larger than ${TEXT_MAX} bytes`, {
    code: 'unreadable-file',
    help: 'make it shorter',
  });
