/** What a mount stands for in a picture: a volume, a folder of the host, a secret … Pure. */
import type { DesiredMount } from '../../model/desired.ts';
import { type GraphNode, tame } from './model.ts';

export interface Store {
  readonly node: GraphNode;
  /** Where it is seen in the container. */
  readonly label: string;
}

/** What belongs to one container alone is a line of its service: `/cache (anonymous)`. */
export const ownStores = (mounts: readonly DesiredMount[]): readonly string[] =>
  mounts.flatMap((mount) => {
    if (mount.kind === 'tmpfs') return [`${tame(mount.target, 32)} (tmpfs)`];
    return mount.kind === 'volume' && mount.volume === undefined ? [`${tame(mount.target, 32)} (anonymous)`] : [];
  });

/** Undefined for those, and for volumes_from, whose mounts are drawn at their owner. */
export function storeOf(mount: DesiredMount, short: (name: string) => string): Store | undefined {
  if (mount.kind === 'from' || mount.kind === 'tmpfs') return undefined;
  const label = `${tame(mount.target, 32)}${mount.readOnly ? ' (ro)' : ''}`;
  const of = (id: string, name: string, word: string, mark?: string): Store => ({
    node: { id, kind: 'volume', label: tail(name), details: [word], ...(mark === undefined ? {} : { mark }) },
    label,
  });
  switch (mount.kind) {
    case 'volume':
      if (mount.volume === undefined) return undefined;
      return of(`volume ${mount.volume}`, short(mount.volume), 'external');
    case 'image':
      return of(`mount image ${mount.image.ref}`, mount.image.ref, 'image', mount.image.id);
    case 'file':
      return ofContent(mount.content, of);
    case 'bind':
      return mount.content
        ? ofContent(mount.content, of)
        : of(`mount bind ${mount.source}`, mount.source, 'on the host');
  }
}

function ofContent(
  { of: name, digest }: { readonly of: string; readonly digest: string },
  of: (id: string, name: string, word: string, mark: string) => Store,
): Store {
  const [kind = '', ...rest] = name.split(' ');
  return of(`mount ${name}`, rest.join(' '), kind, digest);
}

/** Of a long path the end tells more. */
const tail = (text: string): string => {
  const chars = [...tame(text, 4096)];
  return chars.length > 40 ? `…${chars.slice(-39).join('')}` : chars.join('');
};
