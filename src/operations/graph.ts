/** The picture of a project: as it lives, as its files want it where nothing does, or what a plan would change. */
import { TcomposeError } from '../model/errors.ts';
import type { LiveState } from '../model/live.ts';
import type { Project } from '../model/project.ts';
import { labelDependencies, projectDependencies } from '../plan/dependencies.ts';
import { type Desire, desire } from '../plan/desire.ts';
import { belongs } from '../plan/inputs.ts';
import { projectOf, serviceOf } from '../plan/labels.ts';
import { planUp } from '../plan/plan.ts';
import type { Context, Target } from './context.ts';
import { gatherDesire, withOthers } from './gather.ts';
import { graphOf, planned, type Side } from './graph/build.ts';
import type { Graph } from './graph/model.ts';

export { asciiOf } from './graph/ascii.ts';
export { dotOf } from './graph/dot.ts';
export { mermaidOf } from './graph/mermaid.ts';
export type { Graph, GraphChange } from './graph/model.ts';
export { svgOf } from './graph/svg.ts';

/** `no-compose-file` with `plan` and without a file; `nothing-to-draw` where there is neither file nor container. */
export async function graph(context: Context, target: Target, options: { readonly plan: boolean }): Promise<Graph> {
  const live = await context.engine.snapshot({ project: target.name });
  const { project } = target;
  const lives = live.containers.some((container) => belongs(container, target.name));
  if (options.plan) {
    if (project === undefined)
      throw nothingThere(target.name, 'give the Compose file with -f: --plan compares with it');
    const wanted = await gatherDesire(context, project, {});
    const all = await withOthers(context, wanted, live);
    const plan = planUp(wanted, all, {});
    const containers = [...wanted.state.containers, ...live.containers.map(({ madeFrom }) => madeFrom)];
    const services = new Map(containers.map((madeFrom) => [madeFrom.name, serviceOf({ madeFrom }) || madeFrom.name]));
    const before = graphOf(target.name, liveSide(all, target), 'live');
    return planned(before, graphOf(target.name, wantedSide(wanted, project, all), 'file'), plan, services);
  }
  if (lives) {
    const others = live.containers.flatMap(({ madeFrom }) => madeFrom.attachments.map(({ network }) => network));
    const known = new Set(live.networks.map(({ name }) => name));
    const found = await Promise.all(
      [...new Set(others)].filter((name) => !known.has(name)).map((name) => context.engine.networks.find(name)),
    );
    return graphOf(
      target.name,
      liveSide({ ...live, networks: [...live.networks, ...found.flatMap((one) => one ?? [])] }, target),
      'live',
    );
  }
  if (project === undefined) throw nothingThere(target.name, 'give the Compose file with -f');
  const wanted = desire(project, new Map(), { version: context.version, noDeps: false, assumeImages: true });
  return graphOf(target.name, wantedSide(wanted, project, live), 'file');
}

function liveSide(live: LiveState, target: Target): Side {
  const containers = live.containers.filter((container) => belongs(container, target.name));
  const used = new Set(containers.flatMap(({ madeFrom }) => madeFrom.attachments.map(({ network }) => network)));
  return {
    containers: containers.map((one) => ({ wanted: one.madeFrom, live: one })),
    networks: live.networks
      .filter((one) => used.has(one.name) || projectOf(one) === target.name)
      .map((one) => ({ wanted: one.madeFrom, live: one })),
    volumes: live.volumes.filter((one) => !one.anonymous && projectOf(one) === target.name).map(({ name }) => name),
    dependencies: target.project ? projectDependencies(target.project) : labelDependencies(containers),
  };
}

/** What lives of it counts for ports that the engine chose and subnets that it allotted. */
function wantedSide({ state }: Desire, project: Project, live: LiveState): Side {
  return {
    containers: state.containers.map((wanted) => {
      const now = live.containers.find(({ name }) => name === wanted.name);
      return { wanted, ...(now && { live: now }) };
    }),
    networks: state.networks.map((wanted) => {
      const now = live.networks.find(({ name }) => name === wanted.name);
      return { wanted, ...(now && { live: now }) };
    }),
    volumes: state.volumes.map(({ name }) => name),
    dependencies: projectDependencies(project),
  };
}

const nothingThere = (name: string, help: string) =>
  new TcomposeError(`there is nothing to draw of project ${name}`, { code: 'nothing-to-draw', help });
