/** What `up` would do, without doing it; takes no lock. */
import type { Plan } from '../model/plan.ts';
import type { Project } from '../model/project.ts';
import { withBuilds } from '../plan/builds.ts';
import { projectDependencies } from '../plan/dependencies.ts';
import { desire, select } from '../plan/desire.ts';
import { planUp } from '../plan/plan.ts';
import { pullsFor, withPulls } from '../plan/pulls.ts';
import type { Context } from './context.ts';
import { buildsOf, gatherDesire, imagesInUse, pullChoices, withOthers } from './gather.ts';
import { findImages } from './pull.ts';
import type { UpOptions } from './up.ts';

export async function plan(context: Context, project: Project, options: UpOptions = {}): Promise<Plan> {
  const looking = context.engine.snapshot({ project: project.name });
  looking.catch(() => undefined); // told below, unless the file is wrong: that comes first
  const { selected } = select(project, projectDependencies(project), options);
  const images = await findImages(context.engine, imagesInUse(project, selected));
  const pulls = pullsFor(project, selected, { images, nowMs: context.clock() }, pullChoices(options));
  const builds = await buildsOf(context, project, { selected, images, options });
  const assumedImages = new Set(
    [...pulls, ...builds.steps].flatMap(({ action }) =>
      action.kind === 'image.pull' ? [action.image] : action.kind === 'image.build' ? action.build.tags : [],
    ),
  );
  const wanted = await gatherDesire(context, project, { ...options, assumedImages });
  const made = planUp(wanted, await withOthers(context, wanted, await looking), options);
  return withPulls(withBuilds(made, builds), pulls);
}

/** Against nothing: no engine, no root. Images and external things are taken to exist; what an image says is unknown. */
export function planOffline(project: Project, options: UpOptions & { readonly version?: string } = {}): Plan {
  const { services, scale, version } = options;
  const wanted = desire(project, new Map(), {
    ...(services ? { services } : {}),
    ...(scale ? { scale } : {}),
    ...(version ? { version } : {}),
    noDeps: options.noDeps === true,
    assumeImages: true,
  });
  const { networks, volumes } = wanted.state;
  const facts = {
    networks: networks
      .filter(({ external }) => external)
      .map((network) => ({ ...nowhere, name: network.name, madeFrom: network })),
    volumes: volumes
      .filter(({ external }) => external)
      .map((volume) => ({ ...nowhere, name: volume.name, madeFrom: volume })),
    containers: [],
  };
  return planUp(wanted, facts, options);
}

const nowhere = {
  id: '',
  createdAt: '',
  bridge: '',
  subnets: [],
  damage: [],
  anonymous: false,
  mountpoint: '',
  usedBy: [],
};
