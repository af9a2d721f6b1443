/** Where a COPY's target is in the image: links followed inside of its root, also to what does not exist yet. */
import { posix } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { Look } from '../../files/look.ts';

export interface Target {
  readonly kind: 'folder' | 'other' | 'missing';
  /** Absolute, without links. */
  readonly path: string;
}

const LINKS_MAX = 255;

/** `look` is engine/files/look.ts on the root in question. A path that goes through a file fails. */
export async function resolveTarget(look: (path: string) => Promise<Look>, path: string): Promise<Target> {
  let at = posix.resolve('/', path);
  let missing: string[] = [];
  for (let links = 0; at !== '/'; ) {
    const found = await look(at);
    if (found.kind === 'link') {
      if (++links > LINKS_MAX)
        throw new TcomposeError(`too many levels of symbolic links: ${path}`, { code: 'bad-copy' });
      at = posix.resolve(found.parent, found.link, ...missing);
      missing = [];
      continue;
    }
    if (found.parent === '') {
      // Not even its folder is there.
      missing.unshift(posix.basename(at));
      at = posix.dirname(at);
      continue;
    }
    const real = posix.join(found.parent, posix.basename(at));
    if (found.kind === 'missing') return { kind: 'missing', path: posix.join(real, ...missing) };
    if (missing.length === 0) return { kind: found.kind === 'folder' ? 'folder' : 'other', path: real };
    if (found.kind !== 'folder') throw throughFile(real, path);
    return { kind: 'missing', path: posix.join(real, ...missing) };
  }
  return missing.length === 0 ? { kind: 'folder', path: '/' } : { kind: 'missing', path: posix.join('/', ...missing) };
}

const throughFile = (file: string, path: string): TcomposeError =>
  new TcomposeError(`${path} cannot be made: ${file} is not a directory`, {
    code: 'bad-copy',
    help: 'choose another target, or remove that file first',
  });
