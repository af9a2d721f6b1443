/** The stages of a build as promises: each is built once, when it is first needed, and the files of each can be asked for. */
import type { BuildContext, BuildRequest } from '../../../src/model/build.ts';
import { baseKey } from '../cache-key.ts';
import type { CopyServices, SourceTree } from '../copy/contract.ts';
import type { Dockerfile, InstructionBody } from '../instruction.ts';
import { type StageGraph, stageGraph } from '../stage-graph.ts';
import { baseOf, findBase } from './base-image.ts';
import { type Opened, open } from './contexts.ts';
import { asErrors } from './failures.ts';
import { layerFolders } from './layers.ts';
import type { Solver, StageState } from './solver.ts';
import { buildStage } from './stage.ts';
import type { Steps } from './steps.ts';

export interface GraphInputs {
  readonly request: BuildRequest;
  readonly dockerfile: Dockerfile;
  readonly globals: ReadonlyMap<string, string>;
}

/** Throws what is wrong with names of stages; `steps` hears warnings. */
export function planStages(
  { request, dockerfile, globals }: GraphInputs,
  triggers: ReadonlyMap<number, readonly InstructionBody[]>,
  steps?: Steps,
): StageGraph {
  const graph = stageGraph({
    dockerfile,
    globals,
    triggers,
    contexts: new Set(Object.keys(request.contexts)),
    ...(request.target !== undefined && request.target !== '' && { target: request.target }),
  });
  const errors = graph.findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw asErrors(errors);
  for (const finding of graph.findings) steps?.finding(finding);
  return graph;
}

export type Stages = Pick<Solver, 'node' | 'stage' | 'addTriggers' | 'source' | 'context'>;

/** `ending` is aborted by the first failure: nothing new is begun then. */
export function makeStages(
  solver: () => Solver,
  inputs: GraphInputs,
  { main, graph, ending }: { readonly main: Opened; readonly graph: StageGraph; readonly ending: AbortController },
): Stages {
  const { request, dockerfile } = inputs;
  const triggers = new Map<number, readonly InstructionBody[]>();
  const built = new Map<number, Promise<StageState>>();
  const opened = new Map<string, Promise<Opened>>();
  let known = graph;
  const context = (name: string): BuildContext | undefined =>
    Object.hasOwn(request.contexts, name) ? request.contexts[name] : undefined;
  const stage = (index: number): Promise<StageState> => {
    const before = built.get(index);
    if (before !== undefined) return before;
    const state = buildStage(solver(), index).catch((error: unknown) => {
      ending.abort();
      throw error;
    });
    built.set(index, state);
    return state;
  };
  const layersTree = (layers: readonly string[]): SourceTree => ({
    kind: 'layers',
    layers: layerFolders(solver().host.paths, layers),
    key: baseKey(layers),
  });
  const imageTree = async (ref: string): Promise<SourceTree> => {
    const { host, steps, signal } = solver();
    const image = await findBase({ host, steps, signal, pull: request.pull }, ref, request.platform);
    return layersTree(baseOf(image).layers);
  };
  const contextTree = async (name: string, wanted: BuildContext, services: CopyServices): Promise<SourceTree> => {
    if (wanted.kind === 'image') return imageTree(wanted.ref);
    const one = opened.get(name) ?? open(services, wanted, undefined);
    opened.set(name, one);
    return (await one).tree();
  };
  return {
    context,
    stage,
    node(index) {
      const node =
        known.nodes.find((one) => one.index === index) ??
        planStages({ ...inputs, request: { ...request, target: `${index}` } }, triggers).nodes.find(
          (one) => one.index === index,
        );
      if (node === undefined) throw new Error(`this is a bug in tcompose: stage ${index} is in no graph`);
      return node;
    },
    addTriggers(index, bodies) {
      if (bodies.length === 0) return;
      triggers.set(index, bodies);
      known = planStages(inputs, triggers);
    },
    async source(name) {
      if (name === undefined) return main.tree();
      const named = context(name);
      if (named !== undefined) return contextTree(name, named, solver().copy);
      if (name === 'scratch') return { kind: 'layers', layers: [], key: baseKey([]) };
      const names = dockerfile.stages.map(({ from }) => from.name);
      const index = /^\d+$/.test(name) ? Number(name) : names.lastIndexOf(name.toLowerCase());
      return index >= 0 ? layersTree((await stage(index)).layers) : imageTree(name);
    },
  };
}

/** All that the target needs at once, as far as they do not wait for each other; the first failure is thrown when all have ended. */
export async function buildTarget(stages: Stages, { nodes, target }: StageGraph): Promise<StageState> {
  const failures: unknown[] = [];
  const all = nodes.map(({ index }) =>
    stages.stage(index).catch((error: unknown) => {
      failures.push(error);
    }),
  );
  await Promise.all(all);
  if (failures.length > 0) throw failures[0];
  return stages.stage(target);
}
