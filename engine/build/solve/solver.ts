/** What the parts of one build share. */
import type { BuildContext, BuildRequest } from '../../../src/model/build.ts';
import type { Host } from '../../host.ts';
import type { Slots } from '../../image/slots.ts';
import type { CopyServices, SourceTree } from '../copy/contract.ts';
import type { ImageState } from '../image-steps.ts';
import type { Dockerfile, InstructionBody } from '../instruction.ts';
import type { BuildArguments, Scope } from '../scope.ts';
import type { StageNode } from '../stage-graph.ts';
import type { HistoryEntry } from './base-image.ts';
import type { CachedSteps } from './cached-steps.ts';
import type { LayerMaker } from './make-layer.ts';
import type { Sandboxes } from './sandbox.ts';
import type { Steps } from './steps.ts';

/** A stage between two instructions, or at its end. */
export interface StageState {
  readonly image: ImageState;
  readonly scope: Scope;
  /** Diff ids, lowest first. */
  readonly layers: readonly string[];
  readonly history: readonly HistoryEntry[];
  /** Of the last layer that is known. */
  readonly created?: string;
  /** `os/arch[/variant]` */
  readonly platform: string;
}

export interface Solver {
  readonly host: Host;
  readonly request: BuildRequest;
  readonly dockerfile: Dockerfile;
  readonly args: BuildArguments;
  /** Values before the first FROM. */
  readonly globals: ReadonlyMap<string, string>;
  /** Of the whole build: aborted by who asked for it, or by the first failure. */
  readonly signal: AbortSignal;
  readonly steps: Steps;
  /** So many steps at once as there are processors. */
  readonly limit: Slots;
  readonly maker: LayerMaker;
  readonly cache: CachedSteps;
  /** Made when the first RUN is to be done. */
  readonly sandboxes: () => Promise<Sandboxes>;
  readonly copy: CopyServices;
  /** Of the build as a whole. */
  readonly platform: string;
  /** Seconds since 1970. */
  readonly epoch?: number;
  node(index: number): StageNode;
  /** Each stage is built once, when it is first asked for. */
  stage(index: number): Promise<StageState>;
  /** Told once it is known what a base image brings by ONBUILD; throws where stages then need each other in a circle. */
  addTriggers(index: number, bodies: readonly InstructionBody[]): void;
  /** What COPY --from or a mount names; absent: the build's context. */
  source(name: string | undefined): Promise<SourceTree>;
  context(name: string): BuildContext | undefined;
}
