/** Makes what the file says so: images, desire, snapshot, plan, consent, apply. */
import type { Engine } from '../model/engine.ts';
import { TcomposeError, TcomposeErrors } from '../model/errors.ts';
import type { LiveState } from '../model/live.ts';
import type { ActionKind, Plan, Step } from '../model/plan.ts';
import type { Project } from '../model/project.ts';
import { noSuchService } from '../plan/dependencies.ts';
import type { Desire } from '../plan/desire.ts';
import type { UpChoices } from '../plan/inputs.ts';
import { planUp } from '../plan/plan.ts';
import type { AttachTarget } from './attach.ts';
import { carryOut } from './carry-out.ts';
import type { Context } from './context.ts';
import { gatherDesire, withOthers } from './gather.ts';
import { located } from './locate.ts';
import { sourceOf } from './sources.ts';

export interface UpOptions extends Omit<UpChoices, 'keep'> {
  /** Empty: all. Dependencies come along unless `noDeps`. */
  readonly services?: readonly string[];
  readonly scale?: Readonly<Record<string, number>>;
  /** `policy`: in place of those of the file. */
  readonly pull?: { readonly policy?: string; readonly quiet?: boolean };
  /** `when`: what is missing is built, all that can be (`--build`), or nothing (`--no-build`). */
  readonly build?: { readonly when?: 'always' | 'missing' | 'never'; readonly quiet?: boolean };
  readonly waitTimeoutMs?: number;
  /** For `attach` of the outcome: only these, without these, dependencies too. */
  readonly attach?: readonly string[];
  readonly noAttach?: readonly string[];
  readonly attachDependencies?: boolean;
  /** Whose exit code counts; must be there before anything begins. */
  readonly exitCodeFrom?: string;
  /** Its outcome is handed to `attach()` at once. */
  readonly foreground?: boolean;
  /** Asked once when steps would lose data; refused or absent: those things are left as they are, with a warning. */
  readonly consent?: (steps: readonly Step[]) => Promise<boolean>;
}

export interface UpOutcome {
  readonly plan: Plan;
  /** When it began: what the containers print from here on belongs to this `up`. */
  readonly startedAtMs: number;
  /** Hand this to `attach()` in the foreground. */
  readonly attach: readonly AttachTarget[];
}

/** Throws TcomposeError or TcomposeErrors when a step failed, code `interrupted` (exit 130) when the signal was aborted. */
export async function up(context: Context, project: Project, options: UpOptions = {}): Promise<UpOutcome> {
  const startedAtMs = context.clock();
  const { engine } = context;
  const { exitCodeFrom } = options;
  if (exitCodeFrom !== undefined && !Object.hasOwn(project.services, exitCodeFrom))
    throw noSuchService(project, exitCodeFrom);
  // The lock and the facts are fetched while the images are; what is wrong with the file is told before what is wrong with them.
  const locking = engine.lock(project.name, 'up');
  const looking = locking.then(() => engine.snapshot({ project: project.name }));
  looking.catch(() => undefined);
  try {
    const wanted = await gatherDesire(context, project, options);
    const attach = attachTargets(project, wanted, options);
    const live = await withOthers(context, wanted, await looking);
    const plan = await planWithConsent(wanted, live, options);
    await refuseEarly(context, wanted, plan);
    const { waitTimeoutMs: withinMs } = options;
    await carryOut(options.foreground ? watching(context, attach) : context, plan, {
      origin: wanted.origin,
      ...(withinMs === undefined ? {} : { withinMs }),
    });
    return { plan, startedAtMs, attach };
  } finally {
    await locking.then(
      (lock) => lock.release(),
      () => undefined,
    );
  }
}

/** What is shown is read from its first word on, also where no log keeps that. */
function watching(context: Context, attach: readonly AttachTarget[]): Context {
  const { engine } = context;
  const shown = new Set(attach.map(({ container }) => container));
  const start: Engine['containers']['start'] = async (names, options) => {
    const parts = [names.filter((name) => shown.has(name)), names.filter((name) => !shown.has(name))];
    const results = [
      ...(parts[0]!.length > 0 ? [await engine.containers.start(parts[0]!, { ...options, watched: true })] : []),
      ...(parts[1]!.length > 0 ? [await engine.containers.start(parts[1]!, options)] : []),
    ];
    return {
      failed: new Map(results.flatMap(({ failed }) => [...failed])),
      warnings: new Map(results.flatMap(({ warnings }) => [...warnings])),
    };
  };
  return { ...context, engine: { ...engine, containers: { ...engine.containers, start } } };
}

/** All that would be refused on the way, at once and before anything is touched. */
export async function refuseEarly({ engine }: Context, { state, origin }: Desire, { steps }: Plan): Promise<void> {
  const concerned = (...kinds: readonly ActionKind[]) =>
    new Set(steps.flatMap(({ action, id }) => (kinds.includes(action.kind) ? [id.slice(id.indexOf(' ') + 1)] : [])));
  const of = <T extends { readonly name: string }>(all: readonly T[], names: ReadonlySet<string>) =>
    all.filter(({ name }) => names.has(name));
  // Of another service, and only moved out of the way.
  const moved = steps.flatMap(({ action }) =>
    action.kind === 'container.update' && !state.containers.some(({ name }) => name === action.container.name)
      ? [action.container]
      : [],
  );
  const wanted = {
    containers: of(
      withPreparation([...state.containers, ...moved]),
      concerned('container.create', 'container.start', 'container.update', 'container.prepare'),
    ),
    networks: of(state.networks, concerned('network.create')),
    volumes: of(state.volumes, concerned('volume.create')),
  };
  const errors = await engine.check(wanted, concerned('container.stop', 'container.remove'));
  const told = errors.map((error) => located(error, origin));
  if (told.length > 0) throw told.length === 1 ? told[0] : new TcomposeErrors(told);
}

/** What is run before others is looked at with them; those that run once for several are looked at once. */
const withPreparation = (containers: Desire['state']['containers']): Desire['state']['containers'] => [
  ...new Map(
    containers.flatMap((container) => [container, ...(container.preStart ?? [])]).map((one) => [one.name, one]),
  ).values(),
];

/** Consent is data: refused, the same plan is made again with those things kept. */
async function planWithConsent(wanted: Desire, live: LiveState, options: UpOptions): Promise<Plan> {
  const plan = planUp(wanted, live, options);
  // What an ended `run --rm` leaves goes by that flag's consent.
  const losses = plan.steps.filter(({ losesData, action }) => losesData && action.kind !== 'container.remove');
  if (losses.length === 0 || (await options.consent?.(losses))) return plan;
  const keep = losses.flatMap(({ action }) => (action.kind === 'volume.remove' ? [`volume/${action.volume}`] : []));
  return planUp(wanted, live, { ...options, keep: new Set(keep) });
}

/** Those named, and what they need if asked for; `attach: false` of the file counts unless a service is asked for by name. */
function attachTargets(project: Project, wanted: Desire, options: UpOptions): readonly AttachTarget[] {
  const { attach = [], noAttach = [], attachDependencies } = options;
  for (const name of [...attach, ...noAttach]) if (!wanted.selected.has(name)) throw notIncluded(name);
  const services = new Set(attach.length > 0 ? attach : attachDependencies ? wanted.selected : wanted.targeted);
  return wanted.state.containers.flatMap((container) => {
    const source = sourceOf({ name: container.name, madeFrom: container }, project.name);
    const { service } = source;
    if (!services.has(service) || noAttach.includes(service)) return [];
    return project.services[service]?.attach === false && !attach.includes(service) ? [] : [source];
  });
}

const notIncluded = (name: string) =>
  new TcomposeError(`cannot attach to ${name}: it is not included in this up`, {
    code: 'usage',
    help: `name ${name} among the services, or leave it out of --attach and --no-attach`,
    exitCode: 2,
  });
