/** The inputs of a plan for `up`: images and files that the project names, and the facts it is compared with. */
import type { ImageInfo } from '../model/engine.ts';
import { TcomposeError } from '../model/errors.ts';
import type { LiveState } from '../model/live.ts';
import type { Project } from '../model/project.ts';
import { type Builds, buildsFor, NO_BUILDS, withContexts } from '../plan/builds.ts';
import { projectDependencies } from '../plan/dependencies.ts';
import { contentSalt } from '../plan/desire/files.ts';
import { findService, imageRef } from '../plan/desire/scope.ts';
import { type Desire, type DesireOptions, desire, neededImages, select } from '../plan/desire.ts';
import { pullsFor } from '../plan/pulls.ts';
import { buildAll, hostFacts, readDockerfiles } from './build.ts';
import type { Context } from './context.ts';
import { findImages, pullAll } from './pull.ts';
import type { UpOptions } from './up.ts';

export interface GatherOptions extends UpOptions {
  /** Nothing is pulled: these would be, and are taken to be there. */
  readonly assumedImages?: ReadonlySet<string>;
}

export async function gatherDesire(context: Context, project: Project, options: GatherOptions): Promise<Desire> {
  const { selected } = select(project, projectDependencies(project), options);
  const [images, seccompProfiles, files] = await Promise.all([
    bringImages(context, project, selected, options),
    readProfiles(context, project, selected),
    readFiles(context, project, selected),
  ]);
  const wanted = desire(project, images, {
    ...(options.services ? { services: options.services } : {}),
    ...(options.scale ? { scale: options.scale } : {}),
    noDeps: options.noDeps === true,
    version: context.version,
    seccompProfiles,
    ...files,
    ...(options.assumedImages ? { assumeImages: options.assumedImages } : {}),
  });
  context.engine.provide(wanted.contents);
  return wanted;
}

/** Of secrets and configs: what they say is compared with what containers were given. */
async function readFiles(
  { readSmall, digestFile }: Context,
  project: Project,
  selected: Iterable<string>,
): Promise<Required<Pick<DesireOptions, 'files' | 'largeFiles'>>> {
  const uses = [...selected].flatMap((name) =>
    (['secrets', 'configs'] as const).flatMap((kind) =>
      (project.services[name]?.[kind] ?? []).flatMap(({ source }) => {
        const path = project[kind][source]?.file;
        return path === undefined ? [] : [[`${kind.slice(0, -1)} ${source}`, path] as const];
      }),
    ),
  );
  const paths = [...new Set(uses.map(([, path]) => path))];
  const texts = await Promise.all(paths.map(async (path) => [path, await readSmall?.(path)] as const));
  const files = new Map(texts.flatMap(([path, bytes]) => (bytes === undefined ? [] : [[path, bytes] as const])));
  const large = [...new Map(uses)].filter(([, path]) => !files.has(path));
  const digests = await Promise.all(
    large.map(async ([of, path]) => [of, await digestFile?.(path, contentSalt(project.name, of))] as const),
  );
  return { files, largeFiles: new Map(digests.flatMap(([of, digest]) => (digest ? [[of, digest] as const] : []))) };
}

/** Those that the store has, after what is missing or due was pulled or built. */
async function bringImages(
  context: Context,
  project: Project,
  selected: ReadonlySet<string>,
  options: GatherOptions,
): Promise<ReadonlyMap<string, ImageInfo>> {
  const refs = imagesInUse(project, selected);
  const images = await findImages(context.engine, refs);
  if (options.assumedImages) return images;
  const pulls = pullsFor(project, selected, { images, nowMs: context.clock() }, pullChoices(options));
  await pullAll(context, project.name, pulls, options.pull?.quiet);
  const pulled = pulls.length === 0 ? images : await findImages(context.engine, refs);
  const builds = await buildsOf(context, project, { selected, images: pulled, options });
  if (builds.steps.length === 0) return pulled;
  await buildAll(context, project.name, builds, options.build?.quiet);
  return findImages(context.engine, refs);
}

/** With those that builds begin with and no container is made of. */
export const imagesInUse = (project: Project, selected: ReadonlySet<string>): ReadonlySet<string> =>
  new Set([
    ...neededImages(project, selected).keys(),
    ...[...withContexts(project, selected)].map((name) => imageRef(project, name, findService(project, name)!)),
  ]);

export const pullChoices = ({ pull, build }: Pick<UpOptions, 'pull' | 'build'>) => ({
  ...(pull?.policy === undefined ? {} : { policy: pull.policy }),
  ...(build?.when === undefined ? {} : { build: build.when }),
});

export async function buildsOf(
  context: Context,
  project: Project,
  facts: {
    readonly selected: ReadonlySet<string>;
    readonly images: ReadonlyMap<string, ImageInfo>;
    readonly options: Pick<UpOptions, 'pull' | 'build'>;
  },
): Promise<Builds> {
  const { selected, images, options } = facts;
  if (withContexts(project, selected).size === 0) return NO_BUILDS;
  const dockerfiles = await readDockerfiles(context, project, selected);
  const choices = {
    ...hostFacts(context),
    ...(options.build?.when ? { when: options.build.when } : {}),
    ...(options.pull?.policy ? { policy: options.pull.policy } : {}),
  };
  return buildsFor(project, selected, { images, dockerfiles }, choices);
}

async function readProfiles(
  context: Context,
  project: Project,
  selected: Iterable<string>,
): Promise<ReadonlyMap<string, string>> {
  const paths = [...selected].flatMap((name) => (project.services[name]?.security_opt ?? []).flatMap(profilePath));
  const texts = await Promise.all(
    [...new Set(paths)].map(async (path) => [path, await readProfile(context, project, path)] as const),
  );
  return new Map(texts);
}

function profilePath(option: string): readonly string[] {
  const [, path = ''] = /^seccomp[:=](.*)$/s.exec(option) ?? [];
  return ['', 'unconfined', 'default', 'builtin'].includes(path) ? [] : [path];
}

async function readProfile({ readText }: Context, project: Project, path: string): Promise<string> {
  const absolute = path.startsWith('/') ? path : `${project.workingDir}/${path}`;
  try {
    return (await readText?.(absolute)) ?? '';
  } catch (cause) {
    const code = (cause as { code?: string }).code ?? 'unknown reason';
    throw new TcomposeError(`the seccomp profile ${absolute} cannot be read (${code})`, {
      code: 'no-such-file',
      help: 'name a JSON file in the form that Docker takes, or write seccomp=unconfined',
      exitCode: 2,
      cause,
    });
  }
}

/** The project's own things, and those that it uses and others made. */
export async function withOthers({ engine }: Context, wanted: Desire, live: LiveState): Promise<LiveState> {
  const [networks, volumes] = await Promise.all([
    findOthers(wanted.state.networks, live.networks, (name) => engine.networks.find(name)),
    findOthers(wanted.state.volumes, live.volumes, (name) => engine.volumes.find(name)),
  ]);
  return {
    ...live,
    networks: [...live.networks, ...networks],
    volumes: [...live.volumes, ...volumes],
  };
}

type Named = { readonly name: string };

async function findOthers<T extends Named>(
  wanted: readonly Named[],
  known: readonly T[],
  find: (name: string) => Promise<T | undefined>,
): Promise<readonly T[]> {
  const names = new Set(known.map(({ name }) => name));
  const found = await Promise.all(wanted.filter(({ name }) => !names.has(name)).map(({ name }) => find(name)));
  return found.filter((one) => one !== undefined);
}
