/** Which images are to be built, and in what order: those that another is made from come first. */
import type { ImageInfo } from '../model/engine.ts';
import { TcomposeError } from '../model/errors.ts';
import type { Plan, Reason, Step } from '../model/plan.ts';
import type { Project, Service } from '../model/project.ts';
import { baseImages } from './build/bases.ts';
import { type BuildChoices, buildOf, buildRequest, serviceContext } from './build/request.ts';
import { findService, imageRef } from './desire/scope.ts';
import { stepId } from './draft.ts';

export interface BuildFacts {
  readonly images: ReadonlyMap<string, ImageInfo>;
  /** Service → text of its Dockerfile, where somebody has looked. */
  readonly dockerfiles?: ReadonlyMap<string, string>;
}

export interface Builds {
  readonly steps: readonly Step[];
  readonly contents: ReadonlyMap<string, Uint8Array>;
  readonly warnings: readonly string[];
}

export const NO_BUILDS: Builds = { steps: [], contents: new Map(), warnings: [] };

/**
 * Before containers are made: what is missing, and what `pull_policy: build` asks for; all of it with `--build`, nothing with
 * `--no-build`. Same rule as Compose. What a build takes from other services is looked at, too.
 */
export function buildsFor(
  project: Project,
  selected: Iterable<string>,
  facts: BuildFacts,
  choices: BuildChoices & { readonly when?: 'always' | 'missing' | 'never'; readonly policy?: string } = {},
): Builds {
  if (choices.when === 'never') return NO_BUILDS;
  return buildSteps(project, selected, facts, choices, (service, ref) => {
    if (choices.when === 'always') return { code: 'requested', text: '--build' };
    if (!facts.images.has(ref)) return { code: 'missing' };
    const policy = choices.policy ?? service.pull_policy;
    return policy === 'build' ? { code: 'requested', text: 'pull_policy: build' } : undefined;
  });
}

/** `build`: whatever has a build section. */
export const buildsAsked = (
  project: Project,
  selected: Iterable<string>,
  facts: BuildFacts,
  choices: BuildChoices,
): Builds => buildSteps(project, selected, facts, choices, () => ({ code: 'requested', text: 'asked for' }));

function buildSteps(
  project: Project,
  selected: Iterable<string>,
  facts: BuildFacts,
  choices: BuildChoices,
  why: (service: Service, ref: string) => Reason | undefined,
): Builds {
  const contents = new Map<string, Uint8Array>();
  const warnings: string[] = [];
  const byImage = new Map<string, { readonly name: string; readonly step: Step }>();
  for (const name of withContexts(project, selected)) {
    const service = findService(project, name)!;
    const ref = imageRef(project, name, service);
    const reason = why(service, ref);
    if (reason === undefined) continue;
    const made = buildRequest(project, name, choices);
    const action = { kind: 'image.build', image: ref, service: name, build: made.build } as const;
    const known = byImage.get(ref);
    if (known) {
      if (!isSameBuild(known.step, made.build))
        warnings.push(`services ${known.name} and ${name} build ${ref} in two ways: that of ${known.name} is done`);
      continue;
    }
    for (const [digest, text] of made.contents) contents.set(digest, text);
    warnings.push(...made.warnings);
    const at = project.at(['services', name, 'build']);
    byImage.set(ref, {
      name,
      step: { id: stepId(action), action, after: [], because: [{ ...reason, ...(at ? { at } : {}) }] },
    });
  }
  return { steps: inOrder(project, [...byImage.values()], facts), contents, warnings };
}

/** With the services whose images others take for a context, however far. */
export function withContexts(project: Project, selected: Iterable<string>): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string) => {
    const service = findService(project, name);
    if (found.has(name) || service === undefined || buildOf(service) === undefined) return;
    found.add(name);
    for (const other of contextServices(service)) visit(other);
  };
  for (const name of selected) visit(name);
  return found;
}

const contextServices = (service: Service): readonly string[] =>
  Object.values(buildOf(service)?.additional_contexts ?? {}).flatMap((text) => serviceContext(text) ?? []);

/** What differs between two services with one build section is only the label of the service. */
function isSameBuild({ action }: Step, other: object): boolean {
  if (action.kind !== 'image.build') return false;
  const plain = (build: object) => JSON.stringify({ ...build, labels: undefined });
  return plain(action.build) === plain(other);
}

interface Node {
  readonly name: string;
  readonly step: Step;
}

/** Those that others need first; what goes in a circle by `service:` contexts is an error, by FROM it is left as it is. */
function inOrder(project: Project, nodes: readonly Node[], { dockerfiles }: BuildFacts): readonly Step[] {
  const owner = ownersOf(nodes);
  const done = new Map<string, Step>();
  const open: string[] = [];
  const visit = (node: Node): Step => {
    const known = done.get(node.name);
    if (known) return known;
    open.push(node.name);
    const after = new Set<string>();
    const service = findService(project, node.name)!;
    for (const other of contextServices(service)) {
      const ref = imageRef(project, other, findService(project, other)!);
      const needed = owner.get(plainTag(ref));
      if (needed && open.includes(needed.name)) throw cycle(project, node.name, open.slice(open.indexOf(needed.name)));
      if (needed) after.add(visit(needed).id);
    }
    for (const ref of baseImages(dockerfiles?.get(node.name) ?? '', argsOf(node.step))) {
      const needed = owner.get(plainTag(ref));
      if (needed && !open.includes(needed.name)) after.add(visit(needed).id);
    }
    open.pop();
    const step = { ...node.step, after: [...after] };
    done.set(node.name, step);
    return step;
  };
  for (const node of nodes) visit(node);
  return [...done.values()];
}

/** Every name that a build gives its image, and who gives it. */
function ownersOf(nodes: readonly Node[]): ReadonlyMap<string, Node> {
  return new Map(
    nodes.flatMap((node) =>
      node.step.action.kind === 'image.build'
        ? node.step.action.build.tags.map((tag) => [plainTag(tag), node] as const)
        : [],
    ),
  );
}

/** `latest` is what no tag means. */
const plainTag = (ref: string): string => ref.replace(/:latest$/, '');

const argsOf = ({ action }: Step) => (action.kind === 'image.build' ? action.build.args : {});

function cycle(project: Project, name: string, names: readonly string[]): TcomposeError {
  const at = project.at(['services', name, 'build', 'additional_contexts']);
  return new TcomposeError(`the images of ${names.join(', ')} are built from each other`, {
    code: 'dependency-cycle',
    address: `service/${name}`,
    exitCode: 2,
    help: 'take away one of the contexts service:…',
    ...(at ? { at } : {}),
  });
}

/** The plan with builds before what is made of the images. */
export function withBuilds(plan: Plan, { steps, warnings }: Builds): Plan {
  if (steps.length === 0) return plan;
  const byImage = new Map(
    steps.flatMap(({ action, id }) =>
      action.kind === 'image.build' ? action.build.tags.map((tag) => [tag, [id]] as const) : [],
    ),
  );
  const needs = ({ action }: Step): readonly string[] => {
    if (action.kind !== 'container.create' && action.kind !== 'container.prepare') return [];
    const { image } = action.kind === 'container.create' ? action.container : action.init;
    return byImage.get(image.ref) ?? [];
  };
  const after = plan.steps.map((step) => {
    const more = needs(step);
    return more.length === 0 ? step : { ...step, after: [...more, ...step.after] };
  });
  return { ...plan, warnings: [...warnings, ...plan.warnings], steps: [...steps, ...after] };
}
