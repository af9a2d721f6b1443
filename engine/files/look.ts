/** What lies at a path in a container, found by the kernel beneath its root; links are followed one at a time, as the caller wishes. */
import { posix } from 'node:path';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Host } from '../host.ts';
import type { LaunchOp } from '../launcher/ops.ts';
import { ROOT } from './container-root.ts';
import { saysFolder } from './copy-plan.ts';

export interface Look {
  readonly kind: 'missing' | 'folder' | 'file' | 'link' | 'other';
  /** Where the folder that it lies in really is; of a folder named with its dot: where that itself is. */
  readonly parent: string;
  /** Of a link: what is written in it. */
  readonly link: string;
}

/** By the uppermost four bits of a mode (inode(7)). */
const TYPES: Readonly<Record<number, Look['kind']>> = { 4: 'folder', 8: 'file', 10: 'link' };
const HEAD = 24;

/** A slash or `/.` at the end follows a link. */
export async function look(host: Host, reach: readonly LaunchOp[], path: string): Promise<Look> {
  return (await looks(host, reach, [path]))[0]!;
}

/** At several places in one go. */
export async function looks(
  host: Host,
  reach: readonly LaunchOp[],
  paths: readonly string[],
): Promise<readonly Look[]> {
  const asked = paths.map((path): LaunchOp => {
    const clean = posix.resolve('/', path);
    const inside = saysFolder(path) || clean === '/' ? `${clean}/.` : clean;
    return { op: 'look-in', root: ROOT, inside };
  });
  const { data } = await (await host.session()).run([...reach, ...asked]);
  return asked.map((_, index) => readLook(data.get(reach.length + index)));
}

function readLook(answer: Buffer | undefined): Look {
  if (answer === undefined) return { kind: 'missing', parent: '', link: '' };
  const mode = Number(answer.readBigUInt64LE(0));
  const end = answer.indexOf(0, HEAD);
  const parent = answer.toString('utf8', HEAD, end);
  const link = answer.toString('utf8', end + 1);
  return { kind: mode === 0 ? 'missing' : (TYPES[mode >> 12] ?? 'other'), parent, link };
}

export interface Followed extends Look {
  /** The last one, absolute. */
  readonly path: string;
}

/** As the kernel does, 40 links at most. A link that leads nowhere gives the missing thing it leads to. */
export async function follow(host: Host, reach: readonly LaunchOp[], path: string): Promise<Followed> {
  let at = path;
  for (let links = 0; links <= 40; links++) {
    const found = await look(host, reach, at);
    if (found.kind !== 'link') return { ...found, path: at };
    at = posix.resolve(found.parent, found.link);
  }
  throw new TcomposeError(`too many levels of symbolic links: ${path}`, { code: 'bad-copy' });
}
