/** What the parts of a container are worked out from: the project, its images, and the names of all containers. */
import type { ImageInfo } from '../../model/engine.ts';
import { TcomposeError } from '../../model/errors.ts';
import type { Project, Service } from '../../model/project.ts';
import type { Path, SourceRange } from '../../model/source.ts';
import type { ProvidedText } from '../../model/volume-facts.ts';

export interface Scope {
  readonly project: Project;
  readonly images: ReadonlyMap<string, ImageInfo>;
  readonly version: string;
  readonly scale: Readonly<Record<string, number>>;
  /** Path as the file has it → text. */
  readonly seccompProfiles: ReadonlyMap<string, string>;
  /** Absolute path → bytes, of secrets and configs that are files; a folder and what was not looked for have none. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** `secret NAME` → digest of its content, salted: of files that are too large to be carried about. */
  readonly largeFiles: ReadonlyMap<string, string>;
  /** Digest → text of the secrets and configs in use: filled on the way, and no part of what is desired. */
  readonly contents: Map<string, ProvidedText>;
  readonly warn: (text: string) => void;
}

/** One service while its containers are worked out. */
export interface ServiceScope extends Scope {
  readonly name: string;
  readonly service: Service;
  readonly image: ImageInfo;
}

/** Inactive services too: what is linked to or shared may belong to another profile. */
/** Own keys only: a service may be called like a method of objects. */
export function findService({ services, disabledServices }: Project, name: string): Service | undefined {
  if (Object.hasOwn(services, name)) return services[name];
  return Object.hasOwn(disabledServices, name) ? disabledServices[name] : undefined;
}

export const imageRef = (project: Project, name: string, service: Service): string =>
  service.image ?? `${project.name}-${name}`;

export function replicas(scope: Pick<Scope, 'scale' | 'project'>, name: string): number {
  const service = findService(scope.project, name);
  return scope.scale[name] ?? service?.scale ?? service?.deploy?.replicas ?? 1;
}

export function containerNames(scope: Pick<Scope, 'scale' | 'project'>, name: string): readonly string[] {
  const count = replicas(scope, name);
  return Array.from({ length: count }, (_, index) => containerName(scope.project, name, index + 1));
}

export function containerName(project: Project, name: string, number: number): string {
  const own = findService(project, name)?.container_name;
  return own !== undefined && number === 1 ? own : `${project.name}-${name}-${number}`;
}

/** Its ids are mapped to a range of the host's (userns_mode). */
export const isMapped = ({ service }: Pick<ServiceScope, 'service'>): boolean =>
  !['', 'host'].includes(service.userns_mode ?? '');

/** The first container of a service, for what can be shared with one only: a network, volumes. */
export function firstContainer(scope: ServiceScope, other: string, path: Path): string {
  const [first] = containerNames(scope, other);
  if (first !== undefined && findService(scope.project, other)) return first;
  throw refuse(scope, `service ${scope.name} needs a container of ${other}, which has none`, path, {
    code: 'no-such-service',
    help: `give ${other} at least one replica`,
  });
}

export const origin = (scope: Pick<ServiceScope, 'project' | 'name'>, path: Path): SourceRange | undefined =>
  scope.project.at(['services', scope.name, ...path]);

/** The file asks for something that cannot be: exit code 2, with its place. */
export function refuse(
  scope: Pick<ServiceScope, 'project' | 'name'>,
  message: string,
  path: Path,
  details: { readonly code: string; readonly help?: string },
): TcomposeError {
  const at = origin(scope, path);
  return new TcomposeError(message, {
    ...details,
    address: `service/${scope.name}`,
    exitCode: 2,
    ...(at ? { at } : {}),
  });
}
