/** Which stages a target needs, and in which order they can be built. */
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import type { SourceRange } from '../../src/model/source.ts';
import { ExpansionFailure, expandText } from './expand.ts';
import type { Dockerfile, InstructionBody } from './instruction.ts';
import { nearest } from './nearest.ts';
import { mountFrom } from './run-mount.ts';

/** Where files come from. */
export type Source =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'stage'; readonly index: number }
  /** A context that was given by name; it hides stages and images of that name. */
  | { readonly kind: 'context'; readonly name: string }
  | { readonly kind: 'image'; readonly ref: string };

export interface StageNode {
  readonly index: number;
  readonly base: Source;
  readonly platform?: string;
  /** Besides the base: COPY --from and mounts, each once, in the order of the file. */
  readonly sources: readonly Source[];
  /** Stages that must be done before, in ascending order. */
  readonly needs: readonly number[];
}

export interface StageGraph {
  /** Only those that are needed. */
  readonly nodes: readonly StageNode[];
  readonly target: number;
  /** Stages of one wave need only those of earlier waves. */
  readonly waves: readonly (readonly number[])[];
  readonly findings: readonly Diagnostic[];
}

export interface GraphRequest {
  readonly dockerfile: Dockerfile;
  /** Name or number; the last stage when absent. */
  readonly target?: string;
  /** `globalValues`. */
  readonly globals: ReadonlyMap<string, string>;
  readonly contexts?: ReadonlySet<string>;
  /** What base images bring by ONBUILD, by number of the stage, once it is known. */
  readonly triggers?: ReadonlyMap<number, readonly InstructionBody[]>;
}

/** Names in COPY --from and mounts of an instruction, as written. */
function sourceNames(body: InstructionBody): readonly string[] {
  if (body.kind === 'COPY') return body.flags['from'] === undefined ? [] : [body.flags['from']];
  if (body.kind !== 'RUN') return [];
  return body.mounts.flatMap((text) => mountFrom(text) ?? []);
}

/** Names may be wrong at any place; all of it is told, for needed stages only. */
export function stageGraph(request: GraphRequest): StageGraph {
  const { dockerfile, globals, contexts = new Set(), triggers = new Map() } = request;
  const { stages } = dockerfile;
  const findings: Diagnostic[] = [];
  const names = stages.map(({ from }) => from.name);
  const tell = (severity: Diagnostic['severity'], at: SourceRange | undefined, summary: string, help: string) =>
    findings.push({ code: 'dockerfile', severity, summary, help, ...(at !== undefined && { at }) });
  const expand = (text: string, at: SourceRange): string => {
    try {
      return expandText(text, globals, { escape: dockerfile.escape });
    } catch (error) {
      if (!(error instanceof ExpansionFailure)) throw error;
      tell(
        'error',
        at,
        `${JSON.stringify(text)} cannot be expanded: ${error.message}`,
        'FROM knows the ARGs before the first FROM',
      );
      return '';
    }
  };
  /** Of several stages with one name the last counts. */
  const named = (name: string, before: number): number => names.slice(0, before).lastIndexOf(name.toLowerCase());
  const baseOf = (index: number): Source => {
    const { from } = stages[index]!;
    const failed = findings.length;
    const image = expand(from.image, from.at);
    if (image === '' && findings.length === failed)
      tell('error', from.at, `FROM ${from.image} names no image`, 'give the ARG a default before the first FROM');
    if (contexts.has(image)) return { kind: 'context', name: image };
    const stage = named(image, index);
    if (stage >= 0) return { kind: 'stage', index: stage };
    if (named(image, stages.length) >= 0)
      tell(
        'warning',
        from.at,
        `FROM ${image} comes before the stage ${image}, so an image is meant`,
        'move that stage up',
      );
    return image === 'scratch' ? { kind: 'scratch' } : { kind: 'image', ref: image };
  };
  const sourceOf = (name: string, index: number, at: SourceRange): Source => {
    if (contexts.has(name)) return { kind: 'context', name };
    if (name === 'scratch') return { kind: 'scratch' };
    const stage = /^\d+$/.test(name) ? Number(name) : named(name, stages.length);
    if (stage >= stages.length) tell('error', at, `there is no stage ${name}`, `stages are 0 to ${stages.length - 1}`);
    else if (stage >= 0) return { kind: 'stage', index: stage };
    const known = names.filter((other, i): other is string => other !== undefined && i !== index);
    const meant = nearest(name, known);
    if (meant !== undefined)
      tell('warning', at, `no stage is called ${name}, so an image is meant`, `did you mean ${meant}?`);
    return { kind: 'image', ref: name };
  };

  const nodes = new Map<number, StageNode>();
  const nodeOf = (index: number): StageNode => {
    const { from, instructions } = stages[index]!;
    const base = baseOf(index);
    const inherited =
      base.kind !== 'stage'
        ? []
        : stages[base.index]!.instructions.flatMap((one) => (one.kind === 'ONBUILD' ? [one.inner] : []));
    const foreign: readonly InstructionBody[] = triggers.get(index) ?? [];
    const bodies = [
      ...[...foreign, ...inherited].map((body) => ({ body, at: from.at })),
      ...instructions.map((body) => ({ body, at: body.at })),
    ];
    const sources = bodies.flatMap(({ body, at }) => sourceNames(body).map((name) => sourceOf(name, index, at)));
    const unique = [...new Map(sources.map((source) => [JSON.stringify(source), source])).values()];
    const needs = [
      ...new Set([base, ...unique].flatMap((source) => (source.kind === 'stage' ? [source.index] : []))),
    ].sort((a, b) => a - b);
    return {
      index,
      base,
      ...(from.platform !== undefined && { platform: expand(from.platform, from.at) }),
      sources: unique,
      needs,
    };
  };

  const target = findTarget(request, names);
  if (target === undefined) {
    const meant = nearest(
      request.target ?? '',
      names.filter((name) => name !== undefined),
    );
    tell(
      'error',
      stages[0]?.from.at,
      `there is no stage ${request.target ?? ''} to build`,
      meant !== undefined ? `did you mean ${meant}?` : `stages are ${names.map((name, i) => name ?? i).join(', ')}`,
    );
    return { nodes: [], target: -1, waves: [], findings };
  }
  const pending = [target];
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    if (nodes.has(index)) continue;
    const node = nodeOf(index);
    nodes.set(index, node);
    pending.push(...node.needs);
  }
  const { waves, left } = inWaves(nodes);
  if (left.length > 0)
    tell(
      'error',
      stages[left[0]!]!.from.at,
      left.length === 1
        ? `the stage ${names[left[0]!] ?? left[0]} copies from itself`
        : `stages need each other in a circle: ${left.map((index) => names[index] ?? index).join(', ')}`,
      left.length === 1 ? 'what a stage has is there already: use RUN cp' : 'copy in one direction only',
    );
  return { nodes: [...nodes.values()].sort((a, b) => a.index - b.index), target, waves, findings };
}

function findTarget(
  { target, dockerfile: { stages } }: GraphRequest,
  names: readonly (string | undefined)[],
): number | undefined {
  if (target === undefined) return stages.length > 0 ? stages.length - 1 : undefined;
  const named = names.lastIndexOf(target.toLowerCase());
  if (named >= 0) return named;
  return /^\d+$/.test(target) && Number(target) < stages.length ? Number(target) : undefined;
}

/** Waves as far as it goes; what is left stands in a circle, or behind one. */
function inWaves(nodes: ReadonlyMap<number, StageNode>): { waves: number[][]; left: number[] } {
  const waves: number[][] = [];
  const done = new Set<number>();
  for (;;) {
    const ready = [...nodes.values()]
      .filter(({ index, needs }) => !done.has(index) && needs.every((need) => done.has(need)))
      .map(({ index }) => index)
      .sort((a, b) => a - b);
    if (ready.length === 0)
      return { waves, left: [...nodes.keys()].filter((index) => !done.has(index)).sort((a, b) => a - b) };
    waves.push(ready);
    for (const index of ready) done.add(index);
  }
}
