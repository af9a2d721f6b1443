/** The instructions that make files: from a step's words to its cache key, and to its layer where the cache has none. */
import { posix } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import { hostReach } from '../../files/host-side.ts';
import type { LaunchOp } from '../../launcher/ops.ts';
import { baseKey, type RunStep, stepKey } from '../cache-key.ts';
import type { CopyJob, CopyRequest, SourceTree } from '../copy/contract.ts';
import { expandText } from '../expand.ts';
import { argvOf, joinWorkingDir, shellOf } from '../image-steps.ts';
import type { InstructionBody } from '../instruction.ts';
import { parseMount, type RunMount } from '../run-mount.ts';
import { runEnvironment, scopeValues } from '../scope.ts';
import { identityOf, ownerKey, ownerOf } from './accounts.ts';
import { type LayerRoot, reachRoot } from './layers.ts';
import type { WantedMount } from './run-mounts.ts';
import type { Solver, StageState } from './solver.ts';
import type { Voice } from './steps.ts';

/** Known before anything is made. */
export interface FileStep {
  readonly key: string;
  /** Of a RUN. */
  readonly network?: string;
  /** The diff id. */
  make(voice: Voice): Promise<string | undefined>;
}

/** Loaded where something is to be made only. */
const makeLayer = async (solver: Solver, layers: readonly string[], fill: (root: LayerRoot) => Promise<void>) =>
  (await import('./make-layer.ts')).makeLayer(solver.maker, layers, fill);

type Of<K extends InstructionBody['kind']> = Extract<InstructionBody, { kind: K }>;

/** Absolute, the slash at the end kept. */
function targetOf(before: string | undefined, written: string): string {
  const path = joinWorkingDir(before, written);
  return /(?:^|\/)\.?$/.test(written) && path !== '/' ? `${path}/` : path;
}

export async function copyStep(solver: Solver, state: StageState, body: Of<'COPY' | 'ADD'>): Promise<FileStep> {
  const { flags } = body;
  const [chown, link] = [flags['chown'], flags['link'] === 'true'];
  const target = targetOf(state.image.config.WorkingDir, body.target);
  const from = await solver.source(body.kind === 'COPY' ? flags['from'] : undefined);
  const job = await gathered(solver, { body, from, target });
  const owner = chown === undefined ? undefined : ownerKey(chown);
  const isFree = link && owner?.dependsOnLayers !== true;
  const step = { ...job.step, link: isFree, ...(owner !== undefined && { owner: owner.key }) };
  return {
    key: stepKey(baseKey(state.layers), { kind: 'copy', step }),
    make: async () => {
      const given = chown === undefined ? undefined : await ownerOf(solver, state.layers, chown);
      return makeLayer(solver, link ? [] : state.layers, (root) => job.put({ reach: reachRoot(root) }, given));
    },
  };
}

/** The folder belongs to the stage's USER, as BuildKit and buildah have it. */
export async function workdirStep(solver: Solver, state: StageState, path: string): Promise<FileStep> {
  const user = state.image.config.User ?? '';
  return {
    key: stepKey(baseKey(state.layers), { kind: 'workdir', path, owner: user }),
    make: async () => {
      const owner = await identityOf(solver, state.layers, user);
      return makeLayer(solver, state.layers, async (root) => {
        const parts = path.split('/').filter(Boolean);
        const ops = parts.map((_, index): LaunchOp => {
          const inside = `/${parts.slice(0, index + 1).join('/')}`;
          return { op: 'mkdir-in', root: 0, inside, mode: 0o755, ...owner };
        });
        await (await solver.host.session()).run([...reachRoot(root), ...ops]);
      });
    },
  };
}

/** What a shell gets of a line with here-documents, and a program that one of them is. */
function commandOf(
  body: Of<'RUN'>,
  state: StageState,
): { argv: readonly string[]; script?: { name: string; text: string } } {
  const { command } = body;
  if (command.form === 'exec' || command.documents.length === 0) return { argv: argvOf(command, state.image) };
  const [first] = command.documents;
  const shell = shellOf(state.image);
  if (command.documents.length === 1 && /^\d*<<-?\s*(["']?)[^\s"'<>|;&]+\1$/.test(command.line.trim())) {
    if (!first!.text.startsWith('#!')) return { argv: [...shell, first!.text] };
    return { argv: [...shell, `/dev/pipes/${first!.name}`], script: first! };
  }
  const whole = [command.line, ...command.documents.map(({ text, name }) => `${text}${name}`)].join('\n');
  return { argv: [...shell, whole] };
}

function networkOf({ request }: Solver, { flags }: Of<'RUN'>): string {
  const own = flags['network'];
  if (own === undefined || own === 'default') return request.network || 'default';
  if (own !== 'none' && own !== 'host')
    throw new TcomposeError(`RUN has no network ${JSON.stringify(own)}`, {
      code: 'dockerfile',
      help: 'write default, none or host',
    });
  if (own === 'host' && request.network !== 'host') throw notAllowed('--network=host', '--network host');
  return own;
}

function securityOf({ request }: Solver, { flags }: Of<'RUN'>): string {
  const own = flags['security'];
  if (own === 'insecure' && !request.privileged) throw notAllowed('--security=insecure', '--privileged');
  return request.privileged && own !== 'sandbox' ? 'insecure' : 'sandbox';
}

/** A Dockerfile is often somebody else's: what opens the host is for who builds to allow. */
const notAllowed = (flag: string, how: string): TcomposeError =>
  new TcomposeError(`RUN ${flag} is not allowed in this build`, {
    code: 'build-not-allowed',
    help: `if you trust the Dockerfile, allow it: build with ${how}`,
  });

const gathered = async (solver: Solver, request: CopyRequest): Promise<CopyJob> =>
  (await import('../copy/gather.ts')).gather(solver.copy, request);

/** A copy of what a mount names, as `tree` in whatever folder it is put into. */
const treeJob = (solver: Solver, from: SourceTree, { source = '.' }: RunMount): Promise<CopyJob> =>
  gathered(solver, {
    body: { kind: 'COPY', sources: [source], documents: [], target: '/tree', flags: {}, exclude: [] },
    from,
    target: '/tree',
  });

async function wantedMount(solver: Solver, mount: RunMount): Promise<{ wanted: WantedMount; content?: string }> {
  if (mount.type !== 'bind' && (mount.type !== 'cache' || mount.from === undefined)) return { wanted: { mount } };
  const from = await solver.source(mount.from);
  if (mount.type === 'cache') {
    const copyTo = async (folder: string) =>
      (await treeJob(solver, from, mount)).put({ reach: hostReach(folder) }, undefined);
    return { wanted: { mount, from, copyTo } };
  }
  if (from.kind === 'layers') return { wanted: { mount, from }, content: from.key };
  const job = await treeJob(solver, from, mount);
  return {
    wanted: { mount, from, copyTo: (folder) => job.put({ reach: hostReach(folder) }, undefined) },
    content: JSON.stringify(job.step.contents),
  };
}

export async function runStepOf(solver: Solver, state: StageState, body: Of<'RUN'>): Promise<FileStep> {
  const { args, dockerfile, request, signal } = solver;
  const { config } = state.image;
  const workingDir = config.WorkingDir || '/';
  const expand = (text: string) => expandText(text, scopeValues(state.scope), { escape: dockerfile.escape });
  const mounts = await Promise.all(
    body.mounts.map((text) => wantedMount(solver, parseMount(text, { expand, workingDir }))),
  );
  const { argv, script } = commandOf(body, state);
  const environment = runEnvironment(state.scope, args);
  const step: RunStep = {
    argv,
    documents: script === undefined ? [] : [script.text],
    env: environment.keyed,
    workingDir,
    user: config.User ?? '',
    network: networkOf(solver, body),
    security: securityOf(solver, body),
    devices: body.devices.map((text) => text.replace(/^name=/, '').split(',')[0]!),
    platform: state.platform,
    mounts: mounts.map(({ wanted, content }) => ({ mount: wanted.mount, ...(content !== undefined && { content }) })),
    hosts: request.extraHosts,
  };
  return {
    key: stepKey(baseKey(state.layers), { kind: 'run', step }),
    network: step.network,
    make: async (voice) => {
      const { runStep } = await import('./run.ts');
      const run = {
        step,
        env: environment.process,
        mounts: mounts.map(({ wanted }) => wanted),
        ...(script !== undefined && { script }),
        voice,
        signal,
      };
      return makeLayer(solver, state.layers, (root: LayerRoot) => runStep(solver, run, root));
    },
  };
}

/** Where `WORKDIR` leads. */
export const workdirOf = ({ image }: StageState, body: { readonly value: string }): string =>
  posix.normalize(joinWorkingDir(image.config.WorkingDir, body.value));
