/** Pulls images: those that a project needs and has not, all of a project's, or one by its name. */
import type { Engine, ImageInfo } from '../model/engine.ts';
import { TcomposeError, TcomposeErrors } from '../model/errors.ts';
import type { Emit } from '../model/events.ts';
import type { Step } from '../model/plan.ts';
import type { Project } from '../model/project.ts';
import { projectDependencies } from '../plan/dependencies.ts';
import { neededImages, select } from '../plan/desire.ts';
import { stepId } from '../plan/draft.ts';
import { pullsAsked } from '../plan/pulls.ts';
import { requested } from '../plan/reasons.ts';
import { carryOut } from './carry-out.ts';
import type { Context } from './context.ts';

export interface PullProjectOptions {
  /** Empty: all. */
  readonly services?: readonly string[];
  readonly includeDeps?: boolean;
  /** In place of what the file says. */
  readonly policy?: string;
  readonly ignoreBuildable?: boolean;
  /** A pull that fails is a warning. */
  readonly ignoreFailures?: boolean;
}

/** How many were pulled. */
export async function pullProject(
  context: Context,
  project: Project,
  options: PullProjectOptions = {},
): Promise<number> {
  const { services = [], includeDeps = false, ignoreFailures = false } = options;
  const { targeted, selected } = select(project, projectDependencies(project), { services, noDeps: !includeDeps });
  const wanted = includeDeps ? selected : targeted;
  const images = await findImages(context.engine, neededImages(project, wanted).keys());
  const steps = pullsAsked(project, wanted, { images }, options);
  try {
    await pullAll(context, project.name, steps);
  } catch (error) {
    if (!ignoreFailures || context.signal.aborted) throw error;
    for (const one of error instanceof TcomposeErrors ? error.errors : [error as Error])
      context.emit({ type: 'warning', text: one.message });
  }
  return steps.length;
}

/** In parallel; every one is tried. What fails is told with the line of the file that asked for it. */
export async function pullAll(context: Context, project: string, steps: readonly Step[], quiet = false): Promise<void> {
  if (steps.length === 0) return;
  const emit: Emit = quiet ? (event) => event.type === 'warning' && context.emit(event) : context.emit;
  try {
    await carryOut({ ...context, emit }, { project, steps, warnings: [] });
  } catch (error) {
    if (error instanceof TcomposeErrors) throw new TcomposeErrors(error.errors.map((one) => withPlace(one, steps)));
    throw withPlace(error as Error, steps);
  }
}

function withPlace(error: Error, steps: readonly Step[]): Error {
  if (!(error instanceof TcomposeError) || error.at) return error;
  const step = steps.find(({ action }) => action.kind === 'image.pull' && error.address === `image/${action.image}`);
  const at = step?.because[0]?.at;
  if (!at) return error;
  const { message, code, address, help, cause, exitCode } = error;
  return new TcomposeError(message, {
    code,
    at,
    exitCode,
    ...(address === undefined ? {} : { address }),
    ...(help === undefined ? {} : { help }),
    ...(cause === undefined ? {} : { cause }),
  });
}

export async function findImages(engine: Engine, refs: Iterable<string>): Promise<ReadonlyMap<string, ImageInfo>> {
  const found = await Promise.all([...refs].map(async (ref) => [ref, await engine.images.find(ref)] as const));
  return new Map(found.flatMap(([ref, image]) => (image ? [[ref, image] as const] : [])));
}

export interface PulledImage {
  readonly image: ImageInfo;
  /** Its name here meant another image, or none, before. */
  readonly isNew: boolean;
}

export async function pullImage(context: Context, ref: string, platform?: string): Promise<PulledImage> {
  const before = await context.engine.images.find(ref);
  const action = { kind: 'image.pull', image: ref, ...(platform === undefined ? {} : { platform }) } as const;
  await pullAll(context, '', [{ id: stepId(action), action, after: [], because: [requested()] }]);
  const image = await context.engine.images.find(ref);
  if (image === undefined)
    throw new TcomposeError(`${ref} was removed as soon as it was pulled`, { code: 'no-such-image' });
  return { image, isNew: before?.id !== image.id };
}

/** Of an image that was pulled as `ref`: its full name, as people write it, and the digest that the name has in the registry. */
export function namesOf(
  image: ImageInfo,
  ref: string,
): { readonly name: string; readonly familiar: string; readonly digest: string | undefined } {
  const [written = '', pinned] = ref.split('@');
  const colon = written.lastIndexOf(':');
  const hasTag = colon > written.lastIndexOf('/');
  const repository = hasTag ? written.slice(0, colon) : written;
  const mark = pinned === undefined ? `:${hasTag ? written.slice(colon + 1) : 'latest'}` : `@${pinned}`;
  const known = [...image.tags, ...(image.digests ?? [])];
  const ends = (name: string, end: string) => name === end || name.endsWith(`/${end}`);
  const name = known.find((one) => ends(one, `${repository}${mark}`)) ?? `${repository}${mark}`;
  const full = name.slice(0, name.length - mark.length);
  const digest = pinned ?? image.digests?.find((one) => one.startsWith(`${full}@`))?.slice(full.length + 1);
  return { name, familiar: `${repository}${mark}`, digest };
}
