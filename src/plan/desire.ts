/** Project × selection × images → what should be, in the engine's terms, and where each of it was written. */
import type { DesiredContainer, DesiredState } from '../model/desired.ts';
import type { ImageInfo } from '../model/engine.ts';
import { TcomposeError, TcomposeErrors } from '../model/errors.ts';
import { UNKNOWN_IMAGE } from '../model/images.ts';
import type { Project, Service } from '../model/project.ts';
import type { Path, SourceRange } from '../model/source.ts';
import type { ProvidedText } from '../model/volume-facts.ts';
import { type Dependencies, noSuchService, projectDependencies, startOrder, withNeeds } from './dependencies.ts';
import { containersOf } from './desire/container.ts';
import { checkPorts, networkName } from './desire/networking.ts';
import { usedNetworks, usedVolumes } from './desire/objects.ts';
import { hookImage } from './desire/pre-start.ts';
import { imageRef, replicas, type Scope, type ServiceScope } from './desire/scope.ts';
import { LABEL } from './labels.ts';

export interface DesireOptions {
  /** Services by name; empty: all. */
  readonly services?: readonly string[];
  /** Only those, without what they need. */
  readonly noDeps?: boolean;
  readonly scale?: Readonly<Record<string, number>>;
  /** Of tcompose, for a label. */
  readonly version?: string;
  /** Path as the file has it → text. */
  readonly seccompProfiles?: ReadonlyMap<string, string>;
  /** Secrets and configs that are files: absolute path → bytes. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
  /** `secret NAME` → digest (contentSalt), of files that are too large for that. */
  readonly largeFiles?: ReadonlyMap<string, string>;
  /** For plans made without an engine: an image nobody knows is taken to exist. */
  readonly assumeImages?: true | ReadonlySet<string>;
}

/** Where an object (`container/shop-web-1`) and its fields (`environment`, `LOG_LEVEL`) come from. Never part of comparison. */
export interface Origin {
  at(address: string, path: Path): SourceRange | undefined;
  /** What the file says there. */
  value(address: string, path: Path): unknown;
}

export interface Desire {
  readonly state: DesiredState;
  readonly dependencies: Dependencies;
  /** Asked for by name; all when none was named. */
  readonly targeted: ReadonlySet<string>;
  /** Named on the command line: their finished jobs run again. */
  readonly named: ReadonlySet<string>;
  /** With what they need. */
  readonly selected: ReadonlySet<string>;
  /** Every service of the file, inactive ones included: whoever else carries the project's label is an orphan. */
  readonly known: ReadonlySet<string>;
  /** Full names of all networks of the file. */
  readonly knownNetworks: ReadonlySet<string>;
  readonly origin: Origin;
  /** Digest → text of secrets and configs: for Engine.provide, never shown or written. */
  readonly contents: ReadonlyMap<string, ProvidedText>;
  readonly warnings: readonly string[];
}

export interface Selection {
  readonly targeted: ReadonlySet<string>;
  readonly selected: ReadonlySet<string>;
}

/** The services that a command is about. An unknown name is an error that lists the known ones. */
export function select(
  project: Project,
  dependencies: Dependencies,
  options: Pick<DesireOptions, 'services' | 'noDeps'>,
): Selection {
  const named = options.services ?? [];
  for (const name of named) if (!Object.hasOwn(project.services, name)) throw noSuchService(project, name);
  const targeted = new Set(named.length > 0 ? named : Object.keys(project.services));
  const reached = options.noDeps ? targeted : withNeeds(targeted, dependencies);
  return { targeted, selected: new Set([...reached].filter((name) => Object.hasOwn(project.services, name))) };
}

/** The image references that the selected services need, as the user wrote them, with the services that need each. */
export function neededImages(project: Project, selected: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  const result = new Map<string, readonly string[]>();
  for (const name of selected) {
    for (const ref of imagesOf(project, name)) result.set(ref, [...(result.get(ref) ?? []), name]);
  }
  return result;
}

/** Its own, those that it mounts, and those of what is run before it. */
function imagesOf(project: Project, name: string): ReadonlySet<string> {
  const service = project.services[name]!;
  const prepared = (service.pre_start ?? []).map((hook) => hookImage({ project, name, service }, hook));
  return new Set([imageRef(project, name, service), ...mountedImages(service), ...prepared]);
}

const mountedImages = ({ volumes = [] }: Service): readonly string[] =>
  volumes.flatMap(({ type, source }) => (type === 'image' && source !== undefined ? [source] : []));

export function desire(project: Project, images: ReadonlyMap<string, ImageInfo>, options: DesireOptions = {}): Desire {
  const dependencies = projectDependencies(project);
  const { targeted, selected } = select(project, dependencies, options);
  const warnings: string[] = [];
  const scope: Scope = {
    project,
    images,
    version: options.version ?? '',
    scale: options.scale ?? {},
    seccompProfiles: options.seccompProfiles ?? new Map(),
    files: options.files ?? new Map(),
    largeFiles: options.largeFiles ?? new Map(),
    contents: new Map(),
    warn: (text) => warnings.push(text),
  };
  checkScale(project, scope.scale);
  const order = startOrder(selected, dependencies);
  const made = desiredContainers(
    scope,
    order,
    (ref) => options.assumeImages === true || options.assumeImages?.has(ref) === true,
  );
  checkPorts(project, made);
  const version = scope.version;
  return {
    state: {
      project: project.name,
      networks: usedNetworks(project, order, version),
      volumes: usedVolumes(project, order, version),
      containers: made.map(([, container]) => container),
    },
    dependencies,
    targeted,
    named: new Set(options.services ?? []),
    selected,
    known: new Set([...Object.keys(project.services), ...Object.keys(project.disabledServices)]),
    knownNetworks: new Set(['default', ...Object.keys(project.networks)].map((key) => networkName(project, key))),
    origin: originOf(
      project,
      made.map(([, container]) => container),
    ),
    contents: scope.contents,
    warnings,
  };
}

/** Every service is tried, so that all that is wrong is said at once. */
function desiredContainers(scope: Scope, order: readonly string[], isAssumed: (ref: string) => boolean) {
  const made: (readonly [ServiceScope, DesiredContainer])[] = [];
  const errors: Error[] = [];
  const missing = new Map<string, string[]>();
  for (const name of order) {
    const service = scope.project.services[name]!;
    if (replicas(scope, name) === 0) continue;
    const absent = [...imagesOf(scope.project, name)].filter((ref) => !scope.images.has(ref));
    const lacking = absent.filter((ref) => !isAssumed(ref));
    for (const ref of lacking) missing.set(ref, [...(missing.get(ref) ?? []), name]);
    if (lacking.length > 0) continue;
    const assumed = new Map(absent.map((ref) => [ref, UNKNOWN_IMAGE] as const));
    const images = absent.length > 0 ? new Map([...scope.images, ...assumed]) : scope.images;
    const image = images.get(imageRef(scope.project, name, service))!;
    try {
      const one = { ...scope, images, name, service, image };
      for (const container of containersOf(one)) made.push([one, container]);
    } catch (error) {
      if (!(error instanceof TcomposeError)) throw error;
      errors.push(error);
    }
  }
  errors.unshift(...[...missing].map(([ref, services]) => missingImage(scope.project, ref, services)));
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new TcomposeErrors(errors);
  return made;
}

function missingImage(project: Project, ref: string, services: readonly string[]): TcomposeError {
  const at = project.at(['services', services[0]!, 'image']);
  const users = `service${services.length > 1 ? 's' : ''} ${[...services].sort().join(', ')}`;
  return new TcomposeError(`image ${ref} of ${users} is not in this machine's store`, {
    code: 'no-such-image',
    address: `image/${ref}`,
    help: `bring it in, from its registry, an archive or a root filesystem:\n  tcompose image pull ${ref}\n  tcompose image load -i IMAGE.tar\n  tcompose image import ROOTFS.tar ${ref}`,
    ...(at ? { at } : {}),
  });
}

function checkScale(project: Project, scale: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(scale)) {
    if (!Object.hasOwn(project.services, name)) throw noSuchService(project, name);
    const service = project.services[name]!;
    if (count > 1 && service.container_name !== undefined) {
      const at = project.at(['services', name, 'container_name']);
      throw new TcomposeError(`service ${name} cannot be scaled: its container_name can be given once only`, {
        code: 'container-name-scale',
        address: `service/${name}`,
        help: 'remove container_name from the service',
        exitCode: 2,
        ...(at ? { at } : {}),
      });
    }
  }
}

function originOf(project: Project, containers: readonly DesiredContainer[]): Origin {
  const keys = new Map<string, Path>();
  for (const { name, labels, preStart = [] } of containers) {
    const service = ['services', labels[LABEL.service]!];
    keys.set(`container/${name}`, service);
    for (const [index, init] of preStart.entries())
      keys.set(`container/${init.name}`, [...service, 'pre_start', index]);
  }
  for (const [key, { name }] of Object.entries(project.networks)) keys.set(`network/${name}`, ['networks', key]);
  for (const [key, { name }] of Object.entries(project.volumes)) keys.set(`volume/${name}`, ['volumes', key]);
  const whole = project.at([]);
  return {
    at(address, path) {
      const start = keys.get(address);
      const found = start && project.at([...start, ...path]);
      // What nobody wrote (the default network) has the whole file for its nearest place, which says nothing.
      return found && whole && isSame(found, whole) ? undefined : found;
    },
    value(address, path) {
      const start = keys.get(address);
      if (!start) return undefined;
      return [...start, ...path].reduce(
        (value: unknown, key) => (value as Record<string | number, unknown> | undefined)?.[key],
        project,
      );
    },
  };
}

const isSame = (a: SourceRange, b: SourceRange): boolean =>
  a.file === b.file && a.start.line === b.start.line && a.start.column === b.start.column && a.end.line === b.end.line;
