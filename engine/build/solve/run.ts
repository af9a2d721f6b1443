/** Does one RUN: in a sandbox, on the layers below, with a fresh layer to write into. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildRequest } from '../../../src/model/build.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import { planContainer } from '../../container/plan-container.ts';
import { FIRST_NETWORK_SLOT } from '../../container/program.ts';
import { killGroup } from '../../container/resources/kill-group.ts';
import { readAccountFiles } from '../../container/rootfs-files.ts';
import { skeletonOfStep } from '../../container/skeleton.ts';
import { resolverOps } from '../../dns/index.ts';
import type { Host } from '../../host.ts';
import type { LaunchError } from '../../launcher/launcher.ts';
import { networkSetupOps } from '../../network/index.ts';
import { contentsDir, imagesDir } from '../../state/paths.ts';
import type { ContainerRecord } from '../../state/records.ts';
import { removeTrees } from '../../state/remove-trees.ts';
import type { RunStep } from '../cache-key.ts';
import { checkSignal } from './failures.ts';
import { openFile, openFolder } from './folders.ts';
import type { LayerRoot } from './layers.ts';
import { runBound } from './run-bound.ts';
import { makePoints, prepareMounts, type WantedMount } from './run-mounts.ts';
import { runProgram } from './run-program.ts';
import { type Sandboxes, writeFiles } from './sandbox.ts';
import type { Voice } from './steps.ts';

export interface RunRequest {
  readonly step: RunStep;
  /** All that the process gets: proxies, too. */
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly WantedMount[];
  /** A here-document that names its interpreter: a program in /dev/pipes. */
  readonly script?: { readonly name: string; readonly text: string };
  readonly voice: Voice;
  readonly signal: AbortSignal;
}

export interface RunServices {
  readonly host: Host;
  readonly request: BuildRequest;
  readonly sandboxes: () => Promise<Sandboxes>;
}

/** Throws when the program fails: its words were told by `voice`. */
export async function runStep(services: RunServices, run: RunRequest, root: LayerRoot): Promise<void> {
  const sandboxes = await services.sandboxes();
  await sandboxes.with(run.step.network, async (record) => {
    checkSignal(run.signal);
    await inSandbox(services, run, root, record);
  });
}

async function inSandbox(
  { host, request }: RunServices,
  { step, env, mounts, script, voice, signal }: RunRequest,
  root: LayerRoot,
  sandbox: ContainerRecord,
): Promise<void> {
  const scratch = join(root.on, '..', 'mounts');
  const secretsDir = contentsDir(host.paths, sandbox.id);
  for (const folder of [scratch, secretsDir]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  // What the step before has made of them is not seen by this one.
  await writeFiles(host, sandbox);
  const caches = join(imagesDir(host.paths), 'cache-mounts');
  const prepared = await prepareMounts({ ...request, host, caches, scratch, secretsDir }, mounts);
  try {
    const record: ContainerRecord = {
      ...sandbox,
      madeFrom: {
        ...sandbox.madeFrom,
        argv: step.argv,
        env: { ...env, ...prepared.env },
        user: step.user,
        workingDir: step.workingDir,
        cdiDevices: step.devices,
        security: { ...sandbox.madeFrom.security, privileged: step.security === 'insecure' },
      },
    };
    const points = makePoints(join(scratch, 'points'), prepared.mounts, prepared.sources);
    skeletonOfStep(points);
    const layers = [...root.below, points];
    const plan = await planOf(
      host,
      record,
      layers,
      (warning) => void voice.output('stderr', Buffer.from(`${warning}\n`)),
    );
    const pipes = script === undefined ? [] : [scriptMount(join(scratch, 'pipes'), script)];
    const ops = runProgram(
      {
        ...plan,
        overlay: { layers, upper: root.upper, work: root.work, on: root.on },
        mounts: {
          ...plan.mounts,
          mounts: [...prepared.mounts, ...pipes.map(({ mount }) => mount)],
          sources: [...prepared.sources, ...pipes.map(({ source }) => source)],
        },
      },
      prepared.before,
    );
    const end = await runBound(host, record, ops, { voice, signal });
    if (end.failure !== undefined) throw notStarted(end.failure, step);
    if (end.exitCode !== 0) throw failed(step, end.exitCode);
  } finally {
    await prepared.release();
    await killGroup(host, sandbox.id);
    // What a step wrote into a mount may have any name.
    if (prepared.before.length > 0) await removeTrees([scratch]);
  }
}

async function planOf(
  host: Host,
  record: ContainerRecord,
  layers: readonly string[],
  note: (warning: string) => void,
): ReturnType<typeof planContainer> {
  const [facts, instance, records] = await Promise.all([host.facts(), host.instance(), host.records()]);
  const setup = { container: record, networks: records.networks, instance, firstSlot: FIRST_NETWORK_SLOT };
  return planContainer(host, record, {
    instance,
    facts,
    layers,
    sources: [],
    namedAs: record,
    accounts: await readAccountFiles(host, record.id, layers),
    network: [...networkSetupOps(setup), ...resolverOps(record, records, FIRST_NETWORK_SLOT)],
    records: [],
    note,
  });
}

function scriptMount(folder: string, { name, text }: NonNullable<RunRequest['script']>) {
  openFolder(folder);
  openFile(join(folder, name), text, 0o755);
  return {
    source: { path: folder, isFolder: true },
    mount: {
      kind: 'bind' as const,
      source: '',
      target: '/dev/pipes',
      readOnly: true,
      anonymous: false,
      noCopy: true,
      propagation: '',
      recursive: false,
      createHostPath: false,
      options: [],
    },
  };
}

/** BuildKit's words, which people search for. */
const failed = ({ argv }: RunStep, exitCode: number): TcomposeError =>
  new TcomposeError(`process ${JSON.stringify(argv.join(' '))} did not complete successfully: exit code: ${exitCode}`, {
    code: 'build-step-failed',
    help: 'see what it printed above',
    exitCode: 1,
  });

const notStarted = (failure: LaunchError, { argv }: RunStep): TcomposeError =>
  new TcomposeError(`${JSON.stringify(argv.join(' '))} cannot be run: ${failure.message}`, {
    code: 'build-step-failed',
    ...(failure.help !== undefined && { help: failure.help }),
    cause: failure,
  });
