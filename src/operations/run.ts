/** A command in a container of its own, made like those of a service: its dependencies first, its ports only where asked for. */
import { randomBytes } from 'node:crypto';
import { mountsOf, portsOf, withEnvFiles, wordsOf } from '../load/command-line.ts';
import { TcomposeError } from '../model/errors.ts';
import type { Project } from '../model/project.ts';
import { noSuchService } from '../plan/dependencies.ts';
import { type OneOffChanges, withChanges, withOneOff } from '../plan/one-off.ts';
import { planUp } from '../plan/plan.ts';
import { carryOut, withLock } from './carry-out.ts';
import type { Context } from './context.ts';
import { environment } from './exec.ts';
import { gatherDesire, withOthers } from './gather.ts';
import { refuseEarly } from './up.ts';

export interface RunOptions {
  readonly service: string;
  readonly command: readonly string[];
  readonly detach: boolean;
  readonly interactive: boolean;
  readonly tty: boolean;
  readonly removes: boolean;
  readonly noDeps: boolean;
  readonly servicePorts: boolean;
  readonly useAliases: boolean;
  readonly pull?: { readonly policy?: string; readonly quiet?: boolean };
  readonly build?: { readonly when?: 'always' | 'missing' | 'never'; readonly quiet?: boolean };
  readonly removeOrphans: boolean;
  readonly ignoreOrphans: boolean;
  readonly publish: readonly string[];
  readonly volumes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** `KEY=VALUE`, or `KEY`: the project's environment gives the value. */
  readonly env: readonly string[];
  readonly envFiles: readonly string[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly entrypoint?: string;
  readonly user?: string;
  readonly workingDir?: string;
  readonly name?: string;
  /** Paths of flags start here. */
  readonly cwd: string;
}

/** Makes and starts it, and what it needs; gives its name. Hand that to `attachToRun` at once unless it is detached. */
export async function run(context: Context, project: Project, options: RunOptions): Promise<string> {
  const { service, noDeps } = options;
  if (!Object.hasOwn(project.services, service)) throw noSuchService(project, service);
  const changed = withChanges(project, service, changesOf(project, options));
  const slug = randomBytes(32).toString('hex');
  const name = options.name || `${project.name}-${service}-run-${slug.slice(0, 12)}`;
  await withLock(context, project.name, 'run', async () => {
    if (await context.engine.containers.find(name)) throw nameTaken(name);
    const gathered = await gatherDesire(context, changed, {
      services: [service],
      noDeps,
      ...(options.pull && { pull: options.pull }),
      ...(options.build && { build: options.build }),
    });
    const { useAliases, removes, detach } = options;
    const wanted = withOneOff(gathered, { service, name, slug, useAliases, removes, foreground: !detach });
    const live = await withOthers(context, wanted, await context.engine.snapshot({ project: project.name }));
    const plan = planUp(wanted, live, options);
    await refuseEarly(context, wanted, plan);
    try {
      await carryOut(context, plan, { origin: wanted.origin });
    } catch (error) {
      if (removes) await removeRun(context, name);
      throw error;
    }
  });
  return name;
}

function changesOf(project: Project, options: RunOptions): OneOffChanges {
  const { command, tty, interactive, user, workingDir, servicePorts, labels, capAdd, capDrop, cwd } = options;
  return {
    command,
    tty,
    stdinOpen: interactive,
    servicePorts,
    labels,
    capAdd,
    capDrop,
    environment: withEnvFiles(environment(options.env, { name: project.name, project }), options.envFiles, cwd),
    volumes: mountsOf(options.volumes, cwd),
    ...(options.publish.length > 0 ? { ports: portsOf(options.publish) } : {}),
    ...(options.entrypoint === undefined ? {} : { entrypoint: wordsOf(options.entrypoint, '--entrypoint') }),
    ...(user === undefined ? {} : { user }),
    ...(workingDir === undefined ? {} : { workingDir }),
  };
}

const nameTaken = (name: string) =>
  new TcomposeError(`the name ${name} belongs to another container`, {
    code: 'name-in-use',
    address: `container/${name}`,
    help: 'give another --name, or remove that container',
  });

/** Its streams are those of this process until it ends: gives its exit code. Undefined: left by the detach keys or the signal. */
export const attachToRun = (
  { engine }: Context,
  name: string,
  options: { readonly stdin: boolean; readonly signal: AbortSignal },
): Promise<number | undefined> =>
  engine.containers.attach(name, { ...options, detachKeys: 'ctrl-p,ctrl-q', proxySignals: true, owns: true });

/** Of 64 digits; empty when it has ended and is removed by now. */
export const idOfRun = async ({ engine }: Context, name: string): Promise<string> =>
  (await engine.containers.find(name))?.id ?? '';

/** With its anonymous volumes. What still runs is killed; one that is gone already is success. */
export async function removeRun({ engine }: Context, name: string): Promise<void> {
  const { failed } = await engine.containers.remove([name], { anonymousVolumes: true });
  const [error] = failed.values();
  if (error) throw error;
}
