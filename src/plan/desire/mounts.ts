/** What is mounted where in a container: a service's own volumes and tmpfs, its image's volumes, and other containers'. */
import { posix } from 'node:path';
import type { DesiredMount } from '../../model/desired.ts';
import type { Mount, Project, Service } from '../../model/project.ts';
import type { Path } from '../../model/source.ts';
import { byteCount } from '../quantities.ts';
import { cleanTarget, fileMounts } from './files.ts';
import { findService, firstContainer, imageRef, isMapped, refuse, type Scope, type ServiceScope } from './scope.ts';

/** One per target: the service's own over volumes_from over the image's; parents before children, volumes_from first. */
export function mounts(scope: ServiceScope): readonly DesiredMount[] {
  const inherited = inheritedMounts(scope);
  const shared = new Set(sharedTargets(scope, scope.name, scope.service, new Set()));
  const byTarget = new Map<string, DesiredMount>();
  for (const target of scope.image.config.volumes) {
    const path = cleanTarget(target);
    if (!shared.has(path)) byTarget.set(path, anonymous(path));
  }
  for (const mount of ownMounts(scope)) byTarget.set(mount.target, mount);
  const own = [...byTarget.values()];
  own.sort((a, b) => depth(a.target) - depth(b.target) || (a.target < b.target ? -1 : 1));
  return [...inherited, ...own];
}

const depth = (path: string): number => path.split('/').filter(Boolean).length;
const anonymous = (target: string): DesiredMount => ({ kind: 'volume', target, readOnly: false, noCopy: false });

/** Copy-ups and binds of the source were settled at its create; `:ro` is honoured, as the specification says. */
function inheritedMounts(scope: ServiceScope): readonly DesiredMount[] {
  return (scope.service.volumes_from ?? []).map((text, index) => {
    const { name, external, readOnly, unknown } = parseVolumesFrom(text);
    if (unknown !== undefined)
      scope.warn(`service ${scope.name}: "${unknown}" in volumes_from "${text}" has no effect; known are ro and rw`);
    const container = external ? name : firstContainer(scope, name, ['volumes_from', index]);
    return { kind: 'from', container, readOnly, target: '' };
  });
}

function parseVolumesFrom(text: string): {
  readonly name: string;
  readonly external: boolean;
  readonly readOnly: boolean;
  /** A mode that is none. */
  readonly unknown?: string;
} {
  const external = text.startsWith('container:');
  const [name = '', mode] = (external ? text.slice('container:'.length) : text).split(':');
  const isUnknown = mode !== undefined && !['', 'ro', 'rw'].includes(mode);
  return { name, external, readOnly: mode === 'ro', ...(isUnknown ? { unknown: mode } : {}) };
}

/** Targets that volumes_from brings, chains followed: an image volume there is not made. */
function* sharedTargets(scope: Scope, name: string, service: Service, seen: Set<string>): Iterable<string> {
  seen.add(name);
  for (const text of service.volumes_from ?? []) {
    const from = parseVolumesFrom(text);
    const source = from.external ? undefined : findService(scope.project, from.name);
    if (!source || seen.has(from.name)) continue;
    for (const mount of source.volumes ?? []) if (mount.type !== 'tmpfs') yield cleanTarget(mount.target);
    const image = scope.images.get(imageRef(scope.project, from.name, source));
    for (const target of image?.config.volumes ?? []) yield cleanTarget(target);
    yield* sharedTargets(scope, from.name, source, seen);
  }
}

function* ownMounts(scope: ServiceScope): Iterable<DesiredMount> {
  for (const [index, text] of (scope.service.tmpfs ?? []).entries()) yield shortTmpfs(scope, text, index);
  for (const [index, mount] of (scope.service.volumes ?? []).entries()) yield longMount(scope, mount, index);
  yield* fileMounts(scope);
}

/** Docker refuses these, too. */
function checkTarget(scope: ServiceScope, target: string, path: Path): void {
  if (target.startsWith('/') && cleanTarget(posix.normalize(target)) !== '/') return;
  throw refuse(scope, `service ${scope.name} mounts something on "${target}", which is no place for it`, path, {
    code: 'bad-mount',
    help: 'write an absolute path other than /',
  });
}

function shortTmpfs(scope: ServiceScope, text: string, index: number): DesiredMount {
  const [target = '', options = ''] = text.split(/:(.*)/s);
  checkTarget(scope, target, ['tmpfs', index]);
  const list = options.split(',').filter(Boolean);
  return {
    kind: 'tmpfs',
    target: cleanTarget(target),
    readOnly: list.includes('ro'),
    options: list.filter((option) => option !== 'ro' && option !== 'rw'),
  };
}

function longMount(scope: ServiceScope, mount: Mount, index: number): DesiredMount {
  checkTarget(scope, mount.target, ['volumes', index]);
  const target = cleanTarget(mount.target);
  const readOnly = mount.read_only === true;
  switch (mount.type) {
    case 'volume':
      return volumeMount(scope, mount, target, readOnly);
    case 'bind':
      return bindMount(scope, mount, target, index);
    case 'tmpfs':
      return { kind: 'tmpfs', target, readOnly, options: tmpfsOptions(mount.tmpfs) };
    case 'image':
      return imageMount(scope, mount, target, index);
    default:
      throw refuse(
        scope,
        mount.type === 'cluster'
          ? `service ${scope.name} mounts a volume of a cluster on ${target}: this engine has one host`
          : `service ${scope.name} mounts something of type ${mount.type} on ${target}, which Linux does not have`,
        ['volumes', index],
        { code: 'bad-mount', help: 'use a volume, bind, tmpfs or image mount' },
      );
  }
}

function volumeMount({ project }: ServiceScope, mount: Mount, target: string, readOnly: boolean): DesiredMount {
  const { nocopy, subpath, labels } = mount.volume ?? {};
  const isNamed = mount.source !== undefined;
  return {
    kind: 'volume',
    ...(isNamed ? { volume: volumeName(project, mount.source) } : {}),
    target,
    readOnly,
    noCopy: nocopy === true,
    ...(subpath === undefined ? {} : { subpath }),
    ...(isNamed || labels === undefined ? {} : { labels }),
  };
}

/** `recursive` is Docker's bind-recursive: read-only is what is mounted below, too, unless it says `writable` (or is not there at all). */
function bindMount(scope: ServiceScope, mount: Mount, target: string, index: number): DesiredMount {
  const { create_host_path, propagation, recursive = 'enabled' } = mount.bind ?? {};
  const idmap = (mount.bind as Readonly<Record<string, unknown>> | undefined)?.['x-idmap'] === true;
  const readOnly = mount.read_only === true;
  const source = mount.source ?? '';
  if (!source.startsWith('/'))
    throw refuse(scope, `service ${scope.name}: "${source}" is no path of this host`, ['volumes', index], {
      code: 'bad-mount',
      help: 'write a path of Linux: /absolute, or ./relative to the file',
    });
  if ((recursive === 'writable' || recursive === 'readonly') && !readOnly) {
    throw refuse(
      scope,
      `service ${scope.name}: bind.recursive "${recursive}" of ${target} needs read_only: true`,
      ['volumes', index],
      { code: 'bad-mount', help: 'add read_only: true, or leave bind.recursive out' },
    );
  }
  return {
    kind: 'bind',
    source,
    target,
    readOnly,
    createHostPath: create_host_path !== false,
    propagation: propagation || 'rprivate',
    recursive: recursive !== 'disabled',
    ...(recursive === 'writable' ? { writableBelow: true } : {}),
    ...(idmap && isMapped(scope) ? { mapsIds: true } : {}),
  };
}

function imageMount(scope: ServiceScope, mount: Mount, target: string, index: number): DesiredMount {
  const ref = mount.source ?? '';
  const image = scope.images.get(ref);
  if (image === undefined) {
    throw refuse(
      scope,
      `image ${ref}, which service ${scope.name} mounts on ${target}, is not in this machine's store`,
      ['volumes', index],
      { code: 'no-such-image', help: 'bring it in:\n    tcompose image load -i IMAGE.tar' },
    );
  }
  const subpath = mount.image?.subpath;
  return {
    kind: 'image',
    image: { ref, id: image.id },
    ...(subpath ? { subpath } : {}),
    target,
    readOnly: true,
  };
}

const tmpfsOptions = (tmpfs: Mount['tmpfs']): readonly string[] => [
  ...(tmpfs?.size === undefined ? [] : [`size=${byteCount(tmpfs.size)}`]),
  ...(tmpfs?.mode === undefined ? [] : [`mode=${tmpfs.mode.toString(8)}`]),
];

export const volumeName = (project: Project, key: string): string =>
  project.volumes[key]?.name ?? `${project.name}_${key}`;
