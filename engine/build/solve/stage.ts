/** Builds one stage: its base, what that brings by ONBUILD, then instruction after instruction. */
import { TcomposeError } from '../../../src/model/errors.ts';
import { layersMax } from '../../image/image-config.ts';
import { expandInstruction } from '../expand-instruction.ts';
import { historyLine } from '../history-line.ts';
import { applyInstruction, enterImage, SCRATCH } from '../image-steps.ts';
import type { Instruction, InstructionBody } from '../instruction.ts';
import { parseInstruction } from '../parse-instruction.ts';
import { readLines } from '../read-lines.ts';
import { declareArgs, enterStage, runEnvironment, type Scope, scopeValues, setEnv } from '../scope.ts';
import { baseOf, findBase } from './base-image.ts';
import { checkSignal, placed } from './failures.ts';
import { copyStep, type FileStep, runStepOf, workdirOf, workdirStep } from './make-files.ts';
import type { Solver, StageState } from './solver.ts';

const COMMENT = 'buildkit.dockerfile.v0';
const MAKES_FILES = new Set(['RUN', 'COPY', 'ADD', 'WORKDIR']);

export async function buildStage(solver: Solver, index: number): Promise<StageState> {
  const { from, instructions } = solver.dockerfile.stages[index]!;
  const name = nameOf(solver, index);
  const isForced = isForcedStage(solver, index);
  let state: StageState;
  let all: readonly Instruction[];
  try {
    const start = await startOf(solver, index);
    const { state: image, triggers } = enterImage(start.image);
    const inherited = triggers.map((text): Instruction => ({ ...trigger(solver, text), at: from.at, text }));
    solver.addTriggers(index, inherited);
    all = [...inherited, ...instructions];
    state = { ...start, image, scope: enterStage(image.config.Env ?? [], start.scope.args) };
  } catch (error) {
    throw placed(error, from.at);
  }
  const total = 1 + all.filter(({ kind }) => MAKES_FILES.has(kind)).length;
  let number = 1;
  const titleOf = (text: string) => `[${name === undefined ? '' : `${name} `}${number}/${total}] ${text}`;
  await solver.steps.run(titleOf(from.text), name, async (voice) => voice.cached());
  for (const instruction of all) {
    try {
      checkSignal(solver.signal);
      if (MAKES_FILES.has(instruction.kind)) number++;
      const runsSoon = all.slice(all.indexOf(instruction)).some(({ kind }) => kind === 'RUN');
      state = await apply(solver, state, instruction, { title: titleOf(instruction.text), name, isForced, runsSoon });
    } catch (error) {
      throw placed(error, instruction.at);
    }
  }
  return state;
}

/** As BuildKit has it: one stage alone needs no name. */
function nameOf({ dockerfile: { stages } }: Solver, index: number): string | undefined {
  return stages[index]!.from.name ?? (stages.length > 1 ? `stage-${index}` : undefined);
}

function isForcedStage({ request, dockerfile }: Solver, index: number): boolean {
  const name = dockerfile.stages[index]!.from.name;
  return request.noCache || request.noCacheFilter.some((one) => one.toLowerCase() === name || one === `${index}`);
}

/** As BuildKit: read like a Dockerfile of its own, so that a here-document of it has its text. */
function trigger({ steps }: Solver, text: string): InstructionBody {
  const {
    lines: [line],
    escape: character,
  } = readLines(text);
  const warn = (summary: string, help: string) =>
    steps.finding({ code: 'dockerfile', severity: 'warning', summary, help });
  return parseInstruction(line?.text ?? '', line?.documents ?? [], character, warn);
}

async function startOf(solver: Solver, index: number): Promise<StageState> {
  const { base, platform = solver.request.platform } = solver.node(index);
  if (base.kind === 'stage') return solver.stage(base.index);
  const nothing: StageState = {
    image: SCRATCH,
    scope: { env: new Map(), args: new Map() },
    layers: [],
    history: [],
    platform: platform ?? solver.platform,
  };
  if (base.kind === 'scratch') return nothing;
  const context = base.kind === 'context' ? solver.context(base.name) : undefined;
  if (base.kind === 'context' && context?.kind !== 'image') return fromFiles(solver, nothing, base.name);
  const ref = context?.kind === 'image' ? context.ref : (base as { readonly ref: string }).ref;
  const { host, steps, signal, request } = solver;
  const image = baseOf(await findBase({ host, steps, signal, pull: request.pull }, ref, platform));
  const { state, ...rest } = image;
  return { ...nothing, ...rest, image: state };
}

/** FROM a context that is files: they are the root. */
async function fromFiles(solver: Solver, nothing: StageState, name: string): Promise<StageState> {
  const body = {
    kind: 'COPY' as const,
    sources: ['.'],
    documents: [],
    target: '/',
    flags: { from: name },
    exclude: [],
  };
  const { state } = await layer(solver, nothing, await copyStep(solver, nothing, body), {
    title: `[context ${name}] COPY . /`,
    name: undefined,
    isForced: false,
    runsSoon: false,
  });
  return state;
}

interface How {
  readonly title: string;
  readonly name: string | undefined;
  readonly isForced: boolean;
  /** A RUN is among what follows: once something is made, it most likely is to be done. */
  readonly runsSoon: boolean;
}

async function apply(solver: Solver, before: StageState, instruction: Instruction, how: How): Promise<StageState> {
  const { dockerfile, args } = solver;
  const body = expandInstruction(instruction, scopeValues(before.scope), dockerfile.escape);
  let state: StageState = { ...before, image: applyInstruction(before.image, body) };
  if (body.kind === 'ARG') state = { ...state, scope: declareArgs(before.scope, body.args, solver.globals, args) };
  if (body.kind === 'ENV') state = { ...state, scope: setEnv(before.scope, body.pairs) };
  const line = historyLine(withValues(body, state.scope), before.image, runEnvironment(before.scope, args).shown);
  let isEmpty = line?.empty ?? true;
  if (MAKES_FILES.has(body.kind)) {
    const result = await made(solver, before, state, body, how);
    ({ state, isEmpty } = { state: result.state, isEmpty: result.isEmpty });
  }
  if (line === undefined) return state;
  const entry = {
    ...(!isEmpty && state.created !== undefined && { created: state.created }),
    created_by: line.createdBy,
    comment: COMMENT,
    ...(isEmpty && { empty_layer: true }),
  };
  return { ...state, history: [...state.history, entry] };
}

/** What an ARG means in this build is what its line of the history says. */
function withValues(body: InstructionBody, scope: Scope): InstructionBody {
  if (body.kind !== 'ARG') return body;
  const args = body.args.map(({ name }) => {
    const value = scope.args.get(name);
    return value === undefined ? { name } : { name, value };
  });
  return { ...body, args };
}

interface Made {
  readonly state: StageState;
  readonly isEmpty: boolean;
}

async function made(
  solver: Solver,
  before: StageState,
  after: StageState,
  body: InstructionBody,
  how: How,
): Promise<Made> {
  const step = async (): Promise<FileStep> => {
    if (body.kind === 'RUN') return runStepOf(solver, before, body);
    if (body.kind === 'WORKDIR') return workdirStep(solver, before, workdirOf(before, body));
    if (body.kind === 'COPY' || body.kind === 'ADD') return copyStep(solver, before, body);
    throw new Error(`this is a bug in tcompose: ${body.kind} makes no files`);
  };
  return layer(solver, after, step, how);
}

/** `state` with what the step makes on top. */
async function layer(
  { steps, cache, limit, epoch, signal, sandboxes, request }: Solver,
  state: StageState,
  prepare: FileStep | (() => Promise<FileStep>),
  { title, name, isForced, runsSoon }: How,
): Promise<Made> {
  return steps.run(title, name, async (voice) => {
    const step = typeof prepare === 'function' ? await prepare() : prepare;
    const { diffId, createdAt } = await cache.get(step.key, { isForced, onCached: voice.cached }, () =>
      limit(async () => {
        checkSignal(signal);
        if (runsSoon) (await sandboxes()).warm(step.network ?? (request.network || 'default'));
        return step.make(voice);
      }),
    );
    if (diffId === undefined) return { state, isEmpty: true };
    const layers = [...state.layers, diffId];
    if (layers.length > layersMax)
      throw new TcomposeError(`the image would have more than ${layersMax} layers`, {
        code: 'too-many-layers',
        help: 'join RUN lines by &&',
      });
    const created = epoch === undefined ? createdAt : new Date(epoch * 1000).toISOString();
    return { state: { ...state, layers, created }, isEmpty: false };
  });
}
