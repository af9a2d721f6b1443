/** The words that people write for contexts of builds, told apart: https://docs.docker.com/build/concepts/context/ */
import type { BuildContext } from '../../model/build.ts';
import { TcomposeError } from '../../model/errors.ts';

const GIT = /^(?:https?:\/\/[^#?]+\.git(?:[#?].*)?|git:\/\/.+|ssh:\/\/.+|git@[^/:]+:.+|github\.com\/.+)$/s;

/** A folder's path is taken as it is: relative to whatever the caller makes it absolute with. */
export function contextOf(text: string): BuildContext {
  if (GIT.test(text)) return { kind: 'git', url: text };
  if (/^https?:\/\//.test(text)) return { kind: 'http', url: text };
  const [, scheme, rest = ''] = /^([a-z][a-z-]*):\/\/(.*)$/s.exec(text) ?? [];
  if (scheme === undefined) return { kind: 'folder', path: text };
  if (scheme === 'docker-image') return { kind: 'image', ref: rest };
  throw new TcomposeError(`contexts of the kind ${scheme}:// are not read`, {
    code: 'unsupported-context',
    help: 'name a folder, a git address, an http address, or docker-image://NAME',
    exitCode: 2,
  });
}
