/** `build:` of a service → what the engine is asked for. Pure; https://docs.docker.com/reference/compose-file/build/ */
import { createHash } from 'node:crypto';
import { isAbsolute, join, relative } from 'node:path/posix';
import type { BuildContext, PlannedBuild, PlannedSecret } from '../../model/build.ts';
import type { FileReference, Project, Service } from '../../model/project.ts';
import { imageRef, refuse } from '../desire/scope.ts';
import { LABEL } from '../labels.ts';
import { contextOf } from './context.ts';

/** The `build` section as the loader leaves it: paths absolute, args resolved. */
interface BuildSection {
  readonly context: string;
  readonly dockerfile?: string;
  readonly dockerfile_inline?: string;
  readonly additional_contexts?: Readonly<Record<string, string>>;
  readonly args?: Readonly<Record<string, string | null>>;
  readonly entitlements?: readonly string[];
  readonly extra_hosts?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly network?: string;
  readonly no_cache?: boolean;
  readonly no_cache_filter?: readonly string[] | string;
  readonly platforms?: readonly string[];
  readonly privileged?: boolean;
  readonly pull?: boolean;
  readonly secrets?: readonly FileReference[];
  readonly shm_size?: string | number;
  /** `default`, `ID=PATH`. */
  readonly ssh?: readonly string[];
  readonly tags?: readonly string[];
  readonly target?: string;
  readonly ulimits?: Service['ulimits'];
}

/** Of the command line, and of where it runs. */
export interface BuildChoices {
  /** Over the file's. */
  readonly args?: Readonly<Record<string, string>>;
  readonly ssh?: Readonly<Record<string, string | null>>;
  readonly noCache?: boolean;
  readonly pull?: boolean;
  /** Of this host: `linux/amd64`. */
  readonly hostPlatform?: string;
  /** Of tcompose, for a label. */
  readonly version?: string;
}

export interface MadeBuild {
  readonly build: PlannedBuild;
  /** Digest → text of the secrets that are no files. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  readonly warnings: readonly string[];
}

export const buildOf = ({ build }: Service): BuildSection | undefined => build as BuildSection | undefined;

/** Throws where the file asks for what cannot be: a secret without a text, a context of an unknown kind. */
export function buildRequest(project: Project, name: string, choices: BuildChoices = {}): MadeBuild {
  const service = project.services[name] ?? project.disabledServices[name]!;
  const section = buildOf(service)!;
  const contents = new Map<string, Uint8Array>();
  const warnings: string[] = [];
  const args = { ...known(section.args), ...choices.args };
  const context = placed(project, name, ['build', 'context'], section.context);
  const platform = platformOf(project, name, service, section, choices, warnings);
  const epoch = epochOf(args, project);
  const ssh = Object.entries({ ...keysOf(section.ssh), ...choices.ssh }).map(([id, path]) => sshOf(project, id, path));
  const build: PlannedBuild = {
    context,
    dockerfile: dockerfileOf(section, context),
    ...(section.target ? { target: section.target } : {}),
    args,
    labels: {
      ...section.labels,
      [LABEL.project]: project.name,
      [LABEL.service]: name,
      ...(choices.version ? { [LABEL.version]: choices.version } : {}),
    },
    tags: [...new Set([imageRef(project, name, service), ...(section.tags ?? [])])],
    contexts: contextsOf(project, name, section),
    noCache: section.no_cache === true || choices.noCache === true,
    noCacheFilter: [section.no_cache_filter ?? []].flat(),
    pull: section.pull === true || choices.pull === true,
    ...(platform ? { platform } : {}),
    network: networkOf(project, section.network),
    extraHosts: section.extra_hosts ?? [],
    secrets: (section.secrets ?? []).map((use) => secretOf(project, name, use, contents)),
    ssh,
    ...(section.shm_size === undefined ? {} : { shmSize: Number(section.shm_size) }),
    ulimits: limitsOf(section.ulimits),
    privileged: section.privileged === true,
    ...(epoch === undefined ? {} : { sourceDateEpoch: epoch }),
  };
  return { build, contents, warnings };
}

/** A name without a value, and unknown to the environment, is as if it were not there. */
const known = (args: BuildSection['args'] = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(args).flatMap(([key, value]) => (value === null ? [] : [[key, String(value)]])));

/** Paths of the file are absolute by now; what is wrong with one is told with its line. */
function placed(project: Project, name: string, path: readonly string[], text: string): BuildContext {
  try {
    const context = contextOf(text);
    if (context.kind !== 'folder' || isAbsolute(context.path)) return context;
    return { kind: 'folder', path: join(project.workingDir, context.path) };
  } catch (error) {
    const { message, help } = error as { message: string; help?: string };
    throw refuse({ project, name }, `service ${name}: ${message}`, path, {
      code: 'unsupported-context',
      ...(help ? { help } : {}),
    });
  }
}

/** Relative to the context, and absolute where it lies outside of that. */
function dockerfileOf(section: BuildSection, context: BuildContext): PlannedBuild['dockerfile'] {
  if (section.dockerfile_inline) return { text: section.dockerfile_inline };
  const path = section.dockerfile || 'Dockerfile';
  if (context.kind !== 'folder') return { path };
  const absolute = isAbsolute(path) ? path : join(context.path, path);
  const inside = relative(context.path, absolute);
  return { path: inside.startsWith('../') || inside === '' ? absolute : inside };
}

function contextsOf(project: Project, name: string, section: BuildSection): PlannedBuild['contexts'] {
  const entries = Object.entries(section.additional_contexts ?? {}).map(([key, text]) => {
    const other = serviceContext(text);
    const found = other === undefined ? undefined : (project.services[other] ?? project.disabledServices[other]);
    if (other !== undefined && found) return [key, { kind: 'image', ref: imageRef(project, other, found) }] as const;
    return [key, placed(project, name, ['build', 'additional_contexts', key], text)] as const;
  });
  return Object.fromEntries(entries);
}

export const serviceContext = (text: string): string | undefined => /^service:(.+)$/s.exec(text)?.[1];

/** One image has one name here: of several platforms, that which runs here, or else the first. */
function platformOf(
  project: Project,
  name: string,
  service: Service,
  { platforms = [] }: BuildSection,
  { hostPlatform = '' }: BuildChoices,
  warnings: string[],
): string | undefined {
  const wish = service.platform ?? (project.environment['DOCKER_DEFAULT_PLATFORM'] || undefined);
  if (wish !== undefined && platforms.length > 0 && !platforms.includes(wish)) {
    throw refuse(
      { project, name },
      `service ${name}: build.platforms does not include ${wish}`,
      ['build', 'platforms'],
      {
        code: 'conflicting-keys',
        help: service.platform === undefined ? 'add it, or unset DOCKER_DEFAULT_PLATFORM' : `add ${wish}`,
      },
    );
  }
  const chosen = wish ?? (platforms.includes(hostPlatform) ? hostPlatform : platforms[0]);
  if (platforms.length > 1)
    warnings.push(
      `service ${name}: an image is built for one platform at a time: for ${chosen}, not for all of build.platforms`,
    );
  return chosen;
}

/** A key of the file is that network; any other word is the engine's to know. */
function networkOf(project: Project, network: string | undefined): string {
  if (network === undefined || network === '') return 'default';
  if (['default', 'none', 'host'].includes(network)) return network;
  return Object.hasOwn(project.networks, network) ? project.networks[network]!.name : network;
}

const keysOf = (words: readonly string[] = []): Record<string, string | null> =>
  Object.fromEntries(
    words.map((word) => {
      const [, id = word, path = null] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
      return [id, path] as const;
    }),
  );

/** The agent of who asks, where no path is given. */
function sshOf(project: Project, id: string, path: string | null): { readonly id: string; readonly path?: string } {
  const found = path || (project.environment['SSH_AUTH_SOCK'] ?? '');
  return found === '' ? { id } : { id, path: found };
}

function secretOf(
  project: Project,
  name: string,
  use: FileReference,
  contents: Map<string, Uint8Array>,
): PlannedSecret {
  const object = project.secrets[use.source]!;
  const id = use.target?.split('/').at(-1) || use.source;
  if (object.file !== undefined) return { id, source: { file: object.file } };
  const text = textOf(project, object);
  if (text === undefined) {
    const [message, help] =
      object.environment === undefined
        ? ['it has no text', 'add file, environment or content to it']
        : [`the variable ${object.environment} is not set`, 'set it in the shell or in .env'];
    throw refuse({ project, name }, `build secret ${use.source}: ${message}`, ['build', 'secrets'], {
      code: 'no-such-secret',
      help,
    });
  }
  const digest = createHash('sha256').update(`${project.name}\0secret ${use.source}\0`).update(text).digest('hex');
  contents.set(digest, Buffer.from(text));
  return { id, source: { digest } };
}

function textOf({ environment }: Project, object: Project['secrets'][string]): string | undefined {
  if (object.content !== undefined) return object.content;
  const variable = object.environment;
  return variable !== undefined && Object.hasOwn(environment, variable) ? environment[variable] : undefined;
}

const limitsOf = (ulimits: Service['ulimits'] = {}): PlannedBuild['ulimits'] =>
  Object.fromEntries(
    Object.entries(ulimits).map(([key, value]) => [
      key,
      typeof value === 'number' ? { soft: value, hard: value } : { soft: value.soft, hard: value.hard },
    ]),
  );

/** https://reproducible-builds.org/specs/source-date-epoch/: as an argument of the build, else of the environment. */
export function epochOf(
  args: Readonly<Record<string, string>>,
  { environment }: { readonly environment: Readonly<Record<string, string | undefined>> },
): number | undefined {
  const text = args['SOURCE_DATE_EPOCH'] ?? environment['SOURCE_DATE_EPOCH'];
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}
