/** What is mounted where: a service's own volumes, tmpfs, secrets and configs, its image's volumes, and other containers'. */
import type { DesiredMount } from '../../model/desired.ts';
import { TcomposeError } from '../../model/errors.ts';
import type { FileReference, Mount, Project, Service } from '../../model/project.ts';
import { byteCount } from '../quantities.ts';
import { findService, firstContainer, imageRef, refuse, type Scope, type ServiceScope } from './scope.ts';

/** One per target: the service's own over volumes_from over the image's; parents before children, volumes_from first. */
export function mounts(scope: ServiceScope): readonly DesiredMount[] {
  const inherited = inheritedMounts(scope);
  const shared = new Set(sharedTargets(scope, scope.name, scope.service, new Set()));
  const byTarget = new Map<string, DesiredMount>();
  for (const target of scope.image.config.volumes) {
    const path = clean(target);
    if (!shared.has(path)) byTarget.set(path, anonymous(path));
  }
  for (const mount of ownMounts(scope)) byTarget.set(mount.target, mount);
  const own = [...byTarget.values()];
  own.sort((a, b) => depth(a.target) - depth(b.target) || (a.target < b.target ? -1 : 1));
  return [...inherited, ...own];
}

const depth = (path: string): number => path.split('/').filter(Boolean).length;
const clean = (path: string): string => `/${path.split('/').filter(Boolean).join('/')}`;
const anonymous = (target: string): DesiredMount => ({ kind: 'volume', target, readOnly: false, noCopy: false });

/** Copy-ups and binds of the source were settled at its create; `:ro` is honoured, as the specification says. */
function inheritedMounts(scope: ServiceScope): readonly DesiredMount[] {
  return (scope.service.volumes_from ?? []).map((text, index) => {
    const { name, external, readOnly } = parseVolumesFrom(text);
    const container = external ? name : firstContainer(scope, name, ['volumes_from', index]);
    return { kind: 'from', container, readOnly, target: '' };
  });
}

function parseVolumesFrom(text: string): {
  readonly name: string;
  readonly external: boolean;
  readonly readOnly: boolean;
} {
  const external = text.startsWith('container:');
  const [name = '', mode] = (external ? text.slice('container:'.length) : text).split(':');
  return { name, external, readOnly: mode === 'ro' };
}

/** Targets that volumes_from brings, chains followed: an image volume there is not made. */
function* sharedTargets(scope: Scope, name: string, service: Service, seen: Set<string>): Iterable<string> {
  seen.add(name);
  for (const text of service.volumes_from ?? []) {
    const from = parseVolumesFrom(text);
    const source = from.external ? undefined : findService(scope.project, from.name);
    if (!source || seen.has(from.name)) continue;
    for (const mount of source.volumes ?? []) if (mount.type !== 'tmpfs') yield clean(mount.target);
    const image = scope.images.get(imageRef(scope.project, from.name, source));
    for (const target of image?.config.volumes ?? []) yield clean(target);
    yield* sharedTargets(scope, from.name, source, seen);
  }
}

function* ownMounts(scope: ServiceScope): Iterable<DesiredMount> {
  for (const text of scope.service.tmpfs ?? []) yield shortTmpfs(text);
  for (const [index, mount] of (scope.service.volumes ?? []).entries()) yield longMount(scope, mount, index);
  for (const use of scope.service.configs ?? []) yield fileMount(scope, 'configs', use, '/');
  for (const use of scope.service.secrets ?? []) yield fileMount(scope, 'secrets', use, '/run/secrets/');
}

function shortTmpfs(text: string): DesiredMount {
  const [target = '', options = ''] = text.split(/:(.*)/s);
  const list = options.split(',').filter(Boolean);
  return {
    kind: 'tmpfs',
    target: clean(target),
    readOnly: list.includes('ro'),
    options: list.filter((option) => option !== 'ro' && option !== 'rw'),
  };
}

function longMount(scope: ServiceScope, mount: Mount, index: number): DesiredMount {
  const target = clean(mount.target);
  const readOnly = mount.read_only === true;
  if (mount.type === 'volume') {
    const volume = mount.source === undefined ? undefined : volumeName(scope.project, mount.source);
    const subpath = mount.volume?.subpath;
    return {
      kind: 'volume',
      ...(volume === undefined ? {} : { volume }),
      target,
      readOnly,
      noCopy: mount.volume?.nocopy === true,
      ...(subpath === undefined ? {} : { subpath }),
    };
  }
  if (mount.type === 'bind') {
    return bind(mount.source ?? '', target, readOnly, {
      createHostPath: mount.bind?.create_host_path !== false,
      propagation: mount.bind?.propagation ?? 'rprivate',
      recursive: mount.bind?.recursive !== 'disabled',
      mapsIds: (mount.bind as Readonly<Record<string, unknown>> | undefined)?.['x-idmap'] === true && isMapped(scope),
    });
  }
  if (mount.type === 'tmpfs') return { kind: 'tmpfs', target, readOnly, options: tmpfsOptions(mount.tmpfs) };
  throw refuse(
    scope,
    `service ${scope.name} mounts something of type ${mount.type}, which is not supported yet`,
    ['volumes', index],
    {
      code: 'not-yet',
      help: 'use a volume, bind or tmpfs mount',
    },
  );
}

const bind = (
  source: string,
  target: string,
  readOnly: boolean,
  {
    mapsIds,
    ...options
  }: Omit<Bind, 'kind' | 'source' | 'target' | 'readOnly' | 'mapsIds'> & { readonly mapsIds: boolean },
): DesiredMount => ({ kind: 'bind', source, target, readOnly, ...options, ...(mapsIds ? { mapsIds } : {}) });

type Bind = Extract<DesiredMount, { kind: 'bind' }>;

const isMapped = ({ service }: ServiceScope): boolean => !['', 'host'].includes(service.userns_mode ?? '');

const tmpfsOptions = (tmpfs: Mount['tmpfs']): readonly string[] => [
  ...(tmpfs?.size === undefined ? [] : [`size=${byteCount(tmpfs.size)}`]),
  ...(tmpfs?.mode === undefined ? [] : [`mode=${tmpfs.mode.toString(8)}`]),
];

export const volumeName = (project: Project, key: string): string =>
  project.volumes[key]?.name ?? `${project.name}_${key}`;

/** A file on the host, read-only. Those that come from elsewhere are refused by name, by the loader first of all. */
function fileMount(scope: ServiceScope, kind: 'secrets' | 'configs', use: FileReference, folder: string): DesiredMount {
  const file = scope.project[kind][use.source]?.file;
  if (file === undefined) {
    const at = scope.project.at([kind, use.source]);
    throw new TcomposeError(
      `${kind.slice(0, -1)} ${use.source} does not come from a file, which is not supported yet`,
      {
        code: 'not-yet',
        address: `service/${scope.name}`,
        help: 'write its content to a file and name that with `file:`',
        exitCode: 2,
        ...(at ? { at } : {}),
      },
    );
  }
  const name = use.target ?? use.source;
  const target = clean(name.startsWith('/') ? name : folder + name);
  const mapsIds = isMapped(scope);
  return bind(file, target, true, { createHostPath: false, propagation: 'rprivate', recursive: false, mapsIds });
}
