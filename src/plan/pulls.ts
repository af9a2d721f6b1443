/** Which images are to be pulled, by the pull policies of the services that need them, and when they were last pulled. */
import type { ImageInfo } from '../model/engine.ts';
import type { Action, Plan, Step } from '../model/plan.ts';
import type { Project, Service } from '../model/project.ts';
import { imageRef } from './desire/scope.ts';
import { neededImages } from './desire.ts';
import { stepId } from './draft.ts';

export interface PullChoices {
  /** In place of the policies of the file: `--pull`. */
  readonly policy?: string;
  /** What becomes of services with a build section: all are built, those that lack an image, or none. */
  readonly build?: 'always' | 'missing' | 'never';
}

interface PullFacts {
  readonly images: ReadonlyMap<string, ImageInfo>;
  readonly nowMs: number;
}

/** Before containers are made of them: pulled is what is missing or due. Same rule as Compose's mustPull. */
export function pullsFor(
  project: Project,
  selected: Iterable<string>,
  { images, nowMs }: PullFacts,
  choices: PullChoices = {},
): readonly Step[] {
  return steps(project, selected, choices, (service, ref, isBuilt) => {
    // Without a name of its own, what is built is in no registry. With --build it is built whatever a registry has.
    if (isBuilt && (service.image !== ref || choices.build === 'always')) return undefined;
    const image = images.get(ref);
    const policy = choices.policy ?? service.pull_policy ?? 'missing';
    if (policy === 'always') return 'pull_policy: always';
    if (policy === 'never' || policy === 'build') return undefined;
    if (image === undefined) return MISSING;
    const window = windowOf(policy, service.pull_refresh_after);
    return window !== undefined && Date.parse(image.pulledAt ?? '1970-01-01') + window <= nowMs
      ? `pull_policy: ${policy}`
      : undefined;
  });
}

/** `pull`: everything, but what the file says is never pulled; `missing` there leaves alone what is there, unless it is `latest`. */
export function pullsAsked(
  project: Project,
  selected: Iterable<string>,
  { images }: Pick<PullFacts, 'images'>,
  choices: PullChoices & { readonly ignoreBuildable?: boolean },
): readonly Step[] {
  return steps(project, selected, choices, (service, ref, isBuilt) => {
    if (isBuilt && (choices.ignoreBuildable || service.image !== ref)) return undefined;
    const policy = choices.policy ?? service.pull_policy ?? 'always';
    if (policy === 'never' || policy === 'build') return undefined;
    if (!images.has(ref)) return MISSING;
    return policy === 'missing' && !/(^|\/)[^:@]*(:latest)?$/.test(ref) ? undefined : 'asked for';
  });
}

const MISSING = 'missing';

/** The image that a service builds, which is not one that it mounts. */
const builds = (project: Project, name: string, ref: string): boolean =>
  project.services[name]!.build !== undefined && imageRef(project, name, project.services[name]!) === ref;

/** One for each image, however many services need it. `why`: undefined where it is not to be pulled for this service. */
function steps(
  project: Project,
  selected: Iterable<string>,
  { build = 'missing' }: PullChoices,
  why: (service: Service, ref: string, isBuilt: boolean) => string | undefined,
): readonly Step[] {
  return [...neededImages(project, selected)].flatMap(([image, names]) => {
    const isBuilt = names.some((name) => builds(project, name, image));
    const found = names.flatMap((name) => {
      const service = project.services[name]!;
      const reason = why(service, image, isBuilt);
      return reason === undefined
        ? []
        : [
            {
              name,
              platform: service.platform ?? (project.environment['DOCKER_DEFAULT_PLATFORM'] || undefined),
              reason,
            },
          ];
    });
    const [first] = found;
    if (first === undefined) return [];
    const platform = found.find((one) => one.platform)?.platform;
    const action: Action = {
      kind: 'image.pull',
      image,
      ...(platform ? { platform } : {}),
      ...(isBuilt && build !== 'never' ? { isBuiltElse: true as const } : {}),
    };
    const at = project.at(['services', first.name, 'image']);
    const because =
      first.reason === MISSING ? { code: 'missing' as const } : { code: 'requested' as const, text: first.reason };
    return [{ id: stepId(action), action, after: [], because: [{ ...because, ...(at ? { at } : {}) }] }];
  });
}

const UNIT_MS: Readonly<Record<string, number>> = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 };

/** `daily`, `weekly`, `every_1d12h`, `refresh`: how long what was pulled is good, in milliseconds. */
function windowOf(policy: string, refreshAfter = ''): number | undefined {
  if (policy === 'daily') return UNIT_MS['d'];
  if (policy === 'weekly') return UNIT_MS['w'];
  if (!policy.startsWith('every_') && policy !== 'refresh') return undefined;
  const written = policy === 'refresh' ? refreshAfter : policy;
  return [...written.matchAll(/(\d+)([wdhms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * UNIT_MS[unit!]!,
    0,
  );
}

/** The plan with pulls before what is made of the images. */
export function withPulls(plan: Plan, pulls: readonly Step[]): Plan {
  if (pulls.length === 0) return plan;
  const byImage = new Map(
    pulls.flatMap(({ action, id }) => (action.kind === 'image.pull' ? [[action.image, [id]] as const] : [])),
  );
  const needs = ({ action }: Step): readonly string[] => {
    if (action.kind !== 'container.create' && action.kind !== 'container.prepare') return [];
    const { image } = action.kind === 'container.create' ? action.container : action.init;
    return byImage.get(image.ref) ?? [];
  };
  const after = plan.steps.map((step) => ({ ...step, after: [...needs(step), ...step.after] }));
  return { ...plan, steps: [...pulls, ...after] };
}
