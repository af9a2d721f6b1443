/** What a container's mounts become: pure, but for the names of new anonymous volumes. */
import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import type { DesiredContent, DesiredMount } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { MountRecord } from '../state/records.ts';

export interface MountRequest {
  readonly mounts: readonly DesiredMount[];
  /** The image's VOLUME folders. */
  readonly imageVolumes: readonly string[];
  /** Mounts of the container that is replaced: its anonymous volumes are taken over, by target. */
  readonly inherited: readonly MountRecord[];
  /** The mounts of a container that `volumes_from` names; undefined: there is none such. */
  readonly mountsOf: (container: string) => readonly MountRecord[] | undefined;
}

const PLAIN: Omit<MountRecord, 'target' | 'kind' | 'source' | 'readOnly'> = {
  anonymous: false,
  noCopy: false,
  propagation: '',
  recursive: true,
  createHostPath: false,
  options: [],
};

const cleanTarget = (target: string): string => {
  const clean = posix.normalize(target).replace(/(.)\/$/, '$1');
  if (clean.startsWith('/') && clean !== '/' && !clean.includes('\0')) return clean;
  throw new TcomposeError(`${JSON.stringify(target)} is no place to mount something on`, {
    code: 'bad-mount',
    help: 'write an absolute path other than /',
  });
};

const newName = (): string => randomBytes(32).toString('hex');

/** The volume behind an anonymous mount: the one the replaced container had there, else a new one. */
const anonymous = (request: MountRequest, target: string, readOnly: boolean, noCopy: boolean): MountRecord => {
  const before = request.inherited.find((mount) => mount.anonymous && mount.target === target);
  return { ...PLAIN, target, kind: 'volume', source: before?.source ?? newName(), readOnly, anonymous: true, noCopy };
};

type OwnMount = Exclude<DesiredMount, { kind: 'from' }>;

const ownRecord = (request: MountRequest, mount: OwnMount): MountRecord => {
  const target = cleanTarget(mount.target);
  const { readOnly } = mount;
  switch (mount.kind) {
    case 'volume': {
      const { volume, noCopy, subpath, labels } = mount;
      if (volume === undefined)
        return { ...anonymous(request, target, readOnly, noCopy), ...(labels === undefined ? {} : { labels }) };
      return {
        ...PLAIN,
        target,
        kind: 'volume',
        source: volume,
        readOnly,
        noCopy,
        ...(subpath !== undefined && subpath !== '' && { subpath }),
      };
    }
    case 'bind': {
      const { source, propagation, recursive, createHostPath, writableBelow, mapsIds, content } = mount;
      const more = { ...(writableBelow ? { writableBelow } : {}), ...(mapsIds ? { mapsIds } : {}), ...textOf(content) };
      return { ...PLAIN, target, kind: 'bind', source, readOnly, propagation, recursive, createHostPath, ...more };
    }
    case 'image': {
      const { image, subpath } = mount;
      const part = subpath === undefined ? {} : { subpath };
      return { ...PLAIN, target, kind: 'image', source: image.id, readOnly, recursive: false, ...part };
    }
    case 'file': {
      const { uid, gid, mode, content, file: source = '' } = mount;
      const owner = { uid, gid, mode };
      return { ...PLAIN, target, kind: 'file', source, readOnly, recursive: false, owner, ...textOf(content) };
    }
    case 'tmpfs':
      return { ...PLAIN, target, kind: 'tmpfs', source: '', readOnly, options: mount.options };
  }
};

const textOf = (content: DesiredContent | undefined): Pick<MountRecord, 'content'> =>
  content === undefined ? {} : { content: { of: content.of, digest: content.digest } };

/** All mounts but tmpfs and files that were written for that container, as they are; nothing is copied into them for this container (engine-behaviour: volumes_from). */
const sharedRecords = (
  request: MountRequest,
  from: { container: string; readOnly: boolean },
): readonly MountRecord[] => {
  const mounts = request.mountsOf(from.container);
  if (mounts === undefined) {
    throw new TcomposeError(`there is no container ${from.container} to take volumes from`, {
      code: 'container-missing',
      address: `container/${from.container}`,
      help: 'create it first',
    });
  }
  return mounts
    .filter(({ kind }) => kind !== 'tmpfs' && kind !== 'file')
    .map((mount) => ({ ...mount, readOnly: mount.readOnly || from.readOnly, noCopy: true }));
};

const duplicate = (target: string): TcomposeError =>
  new TcomposeError(`two mounts have the target ${target}`, { code: 'bad-mount', help: 'keep one of them' });

const depth = ({ target }: MountRecord): number => target.split('/').length;

/** One mount per target, parents before children; own mounts win over volumes_from, both over the image's VOLUMEs. */
export const resolveMounts = (request: MountRequest): readonly MountRecord[] => {
  const byTarget = new Map<string, MountRecord>();
  for (const mount of request.mounts) {
    if (mount.kind !== 'from') continue;
    for (const record of sharedRecords(request, mount)) byTarget.set(record.target, record);
  }
  const own = new Set<string>();
  for (const mount of request.mounts) {
    if (mount.kind === 'from') continue;
    const record = ownRecord(request, mount);
    if (own.has(record.target)) throw duplicate(record.target);
    own.add(record.target);
    byTarget.set(record.target, record);
  }
  for (const volume of request.imageVolumes) {
    const target = cleanTarget(volume);
    if (!byTarget.has(target)) byTarget.set(target, anonymous(request, target, false, false));
  }
  return [...byTarget.values()].sort((a, b) => depth(a) - depth(b) || (a.target < b.target ? -1 : 1));
};
