/** Takes a project away: containers, networks, and volumes where asked for. */
import { defaultBridge } from '../model/default-bridge.ts';
import type { LiveContainer } from '../model/live.ts';
import type { Plan } from '../model/plan.ts';
import type { Project } from '../model/project.ts';
import { belongs } from '../plan/inputs.ts';
import { attachedTo } from '../plan/objects.ts';
import { type DownInputs, planDown } from '../plan/plan-down.ts';
import { carryOut, withLock } from './carry-out.ts';
import type { Context, Target } from './context.ts';
import { checkServices, type Found, find } from './lives.ts';

export interface DownOptions {
  /** Empty: all. Otherwise these and those that depend on them. */
  readonly services?: readonly string[];
  readonly volumes?: boolean;
  readonly removeOrphans?: boolean;
  readonly ignoreOrphans?: boolean;
  readonly rmi?: 'local' | 'all';
  readonly timeoutMs?: number;
}

/** A plan without steps means: nothing was there (the warning says so). */
export async function down(context: Context, target: Target, options: DownOptions = {}): Promise<Plan> {
  return withLock(context, target.name, 'down', async () => {
    const found = await find(context, target);
    checkServices(found, target, options.services ?? []);
    const plan = planDown(await inputsOf(context, found, target), {
      ...options,
      images: await imagesToRemove(context, target, found, options),
    });
    await carryOut(context, plan);
    return plan;
  });
}

async function inputsOf(
  context: Context,
  { live, dependencies }: Found,
  { name, project }: Target,
): Promise<DownInputs> {
  return {
    project: name,
    live,
    dependencies,
    ...(live.containers.some(onBridge) ? { othersOnBridge: await othersOnBridge(context, name) } : {}),
    ...(project ? { file: fileOf(project) } : {}),
  };
}

const onBridge = (live: LiveContainer): boolean => attachedTo(live, defaultBridge.name);

async function othersOnBridge({ engine }: Context, project: string): Promise<readonly string[]> {
  const { containers } = await engine.snapshot({ networkDamage: false });
  return containers.filter((live) => onBridge(live) && !belongs(live, project)).map(({ name }) => name);
}

const fileOf = (project: Project): NonNullable<DownInputs['file']> => ({
  services: new Set([...Object.keys(project.services), ...Object.keys(project.disabledServices)]),
  volumes: new Set(
    Object.values(project.volumes)
      .filter(({ external }) => !external)
      .map(({ name }) => name),
  ),
});

/** `local`: those without a name of their own in the file. Images that are not there need no step. */
async function imagesToRemove(
  { engine }: Context,
  { name, project }: Target,
  { containers }: Found,
  { rmi }: DownOptions,
) {
  if (!rmi) return [];
  const isOwn = (ref: string) => ref.startsWith(`${name}-`);
  const inFile = Object.entries(project?.services ?? {}).map(([service, { image }]) => image ?? `${name}-${service}`);
  const refs = new Set([...inFile, ...containers.map(({ madeFrom }) => madeFrom.image.ref)]);
  const wanted = [...refs].filter((ref) => rmi === 'all' || isOwn(ref));
  const found = await Promise.all(wanted.map(async (ref) => ((await engine.images.find(ref)) ? [ref] : [])));
  return found.flat().sort();
}
