/** Pushes images: those that a project builds and names, or one by its name. */
import { TcomposeErrors } from '../model/errors.ts';
import type { Step } from '../model/plan.ts';
import type { Project } from '../model/project.ts';
import type { Pushed } from '../model/pull.ts';
import { projectDependencies } from '../plan/dependencies.ts';
import { select } from '../plan/desire.ts';
import { stepId } from '../plan/draft.ts';
import { requested } from '../plan/reasons.ts';
import { carryOut } from './carry-out.ts';
import type { Context } from './context.ts';

export interface PushProjectOptions {
  /** Empty: all. */
  readonly services?: readonly string[];
  readonly includeDeps?: boolean;
  /** A push that fails is a warning. */
  readonly ignoreFailures?: boolean;
}

/** As Compose: what is built and has a name, with the further tags of its build. Returns how many were pushed. */
export async function pushProject(
  context: Context,
  project: Project,
  { services = [], includeDeps = false, ignoreFailures = false }: PushProjectOptions = {},
): Promise<number> {
  const { targeted, selected } = select(project, projectDependencies(project), { services, noDeps: !includeDeps });
  const names = [...(includeDeps ? selected : targeted)];
  const images = names.flatMap((name) => {
    const { build, image } = project.services[name]!;
    return build === undefined || image === undefined
      ? []
      : [image, ...((build['tags'] as readonly string[] | undefined) ?? [])];
  });
  const steps = [...new Set(images)].map(stepOf);
  try {
    if (steps.length > 0) await carryOut(context, { project: project.name, steps, warnings: [] });
  } catch (error) {
    if (!ignoreFailures || context.signal.aborted) throw error;
    for (const one of error instanceof TcomposeErrors ? error.errors : [error as Error])
      context.emit({ type: 'warning', text: one.message });
  }
  return steps.length;
}

export interface PushedImage extends Pushed {
  readonly ref: string;
}

export async function pushImages(context: Context, refs: readonly string[]): Promise<readonly PushedImage[]> {
  const { engine } = context;
  const pushed: PushedImage[] = [];
  const push: typeof engine.images.push = async (ref, options) => {
    const done = await engine.images.push(ref, options);
    pushed.push({ ...done, ref });
    return done;
  };
  const noting = { ...engine, images: { ...engine.images, push } };
  await carryOut({ ...context, engine: noting }, { project: '', steps: refs.map(stepOf), warnings: [] });
  return pushed;
}

/** All tags of a name, for `--all-tags`. */
export async function tagsOfName({ engine }: Context, name: string): Promise<readonly string[]> {
  const full = (await engine.images.list()).flatMap(({ tags }) => tags);
  const repository = (tag: string) => tag.slice(0, tag.lastIndexOf(':'));
  return full.filter((tag) =>
    [repository(tag), repository(tag).replace(/^docker\.io\/(library\/)?/, '')].includes(name),
  );
}

function stepOf(image: string): Step {
  const action = { kind: 'image.push', image } as const;
  return { id: stepId(action), action, after: [], because: [requested()] };
}
