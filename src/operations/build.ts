/** Builds images: those that a project lacks or asks for, and one by its Dockerfile. */
import type { Built, PlannedBuild } from '../model/build.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ImageInfo } from '../model/engine.ts';
import type { Emit, ProgressEvent } from '../model/events.ts';
import type { Project } from '../model/project.ts';
import { type BuildChoices, buildOf } from '../plan/build/request.ts';
import { type Builds, buildsAsked, withContexts } from '../plan/builds.ts';
import { projectDependencies } from '../plan/dependencies.ts';
import { findService } from '../plan/desire/scope.ts';
import { select } from '../plan/desire.ts';
import { stepId } from '../plan/draft.ts';
import { requested } from '../plan/reasons.ts';
import { carryOut } from './carry-out.ts';
import type { Context } from './context.ts';
import { findImages } from './pull.ts';

export interface BuildProjectOptions extends BuildChoices {
  /** Empty: all that have a build section. */
  readonly services?: readonly string[];
  readonly withDependencies?: boolean;
}

export interface BuiltImage {
  readonly service: string;
  readonly ref: string;
  readonly image: ImageInfo;
}

/** Nothing to build is a warning. Gives what was built, in the order of building. */
export async function buildProject(
  context: Context,
  project: Project,
  options: BuildProjectOptions = {},
): Promise<readonly BuiltImage[]> {
  const builds = await plannedBuilds(context, project, options);
  if (builds.steps.length === 0) context.emit({ type: 'warning', text: 'no services to build' });
  await buildAll(context, project.name, builds);
  const built = builds.steps.flatMap(({ action }) => (action.kind === 'image.build' ? [action] : []));
  const images = await findImages(
    context.engine,
    built.map(({ image }) => image),
  );
  return built.flatMap(({ image: ref, service = '' }) => {
    const image = images.get(ref);
    return image ? [{ service, ref, image }] : [];
  });
}

/** What `build` would do, without doing it. */
export async function plannedBuilds(
  context: Pick<Context, 'readText' | 'version'>,
  project: Project,
  options: BuildProjectOptions,
): Promise<Builds> {
  const { services = [], withDependencies = false, ...choices } = options;
  const { targeted, selected } = select(project, projectDependencies(project), { services, noDeps: !withDependencies });
  const wanted = withDependencies ? selected : targeted;
  const dockerfiles = await readDockerfiles(context, project, wanted);
  return buildsAsked(project, wanted, { images: new Map(), dockerfiles }, { ...choices, ...hostFacts(context) });
}

export const hostFacts = ({ version }: Pick<Context, 'version'>): Pick<BuildChoices, 'hostPlatform' | 'version'> => ({
  version,
  hostPlatform: `linux/${ARCHITECTURES[process.arch] ?? process.arch}`,
});

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm: 'arm/v7' };

/** Of folders and those written in the file: for the order of builds. One that cannot be read is the engine's to complain of. */
export async function readDockerfiles(
  { readText }: Pick<Context, 'readText'>,
  project: Project,
  selected: Iterable<string>,
): Promise<ReadonlyMap<string, string>> {
  const names = [...withContexts(project, selected)];
  if (names.length < 2) return new Map();
  const texts = await Promise.all(
    names.map(async (name) => {
      const section = buildOf(findService(project, name)!)!;
      if (section.dockerfile_inline) return [name, section.dockerfile_inline] as const;
      const path = section.dockerfile || 'Dockerfile';
      const absolute = path.startsWith('/') ? path : `${section.context}/${path}`;
      const text = absolute.startsWith('/') ? await readText?.(absolute).catch(() => undefined) : undefined;
      return [name, text ?? ''] as const;
    }),
  );
  return new Map(texts);
}

/** Those that do not wait for each other in parallel; all that can be built are. */
export async function buildAll(context: Context, project: string, builds: Builds, quiet = false): Promise<void> {
  const { steps, contents, warnings } = builds;
  if (steps.length === 0) return;
  const emit: Emit = quiet ? (event) => isTold(event) && context.emit(event) : context.emit;
  await carryOut({ ...context, emit }, { project, steps, warnings }, { contents });
}

/** With --quiet-build, too: what went wrong, and what is wrong with Dockerfiles. */
const isTold = (event: ProgressEvent): boolean =>
  event.type === 'warning' || event.type === 'failed' || (event.type === 'build' && event.event.type === 'finding');

/** Of `image build`: an image with no project. */
export async function buildImage(
  context: Context,
  build: PlannedBuild,
  contents: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<Built | undefined> {
  let made: Built | undefined;
  const emit: Emit = (event) => {
    if (event.type === 'built') made = event.built;
    context.emit(event);
  };
  const image = build.tags[0] ?? '';
  const action = { kind: 'image.build', image, build } as const;
  const step = { id: stepId(action), action, after: [], because: [requested()] };
  await buildAll({ ...context, emit }, '', { steps: [step], contents, warnings: [] });
  return made;
}

/** `--check`: findings of the Dockerfiles alone, each place once. Nothing is run. */
export async function checkBuilds(
  { engine }: Pick<Context, 'engine'>,
  builds: readonly PlannedBuild[],
): Promise<readonly Diagnostic[]> {
  const found: Diagnostic[] = [];
  for (const build of builds) {
    await engine.images.build({
      ...build,
      secrets: [],
      checkOnly: true,
      onEvent: (event) => {
        if (event.type === 'finding') found.push(event.finding);
      },
    });
  }
  return found;
}
