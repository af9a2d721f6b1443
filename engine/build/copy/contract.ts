/**
 * The seam between the executor (engine/build/solve), which knows stages, layers and the cache, and this folder, which knows files:
 * contexts, COPY and ADD. The executor asks for a context once, for a job per instruction (`gather`: reads and hashes what is needed,
 * writes nothing), and lets the job write (`put`) only when the cache has no layer for it.
 * The executor imports `gather` of gather.ts and `openContext` of open-context.ts.
 */
import type { BuildContext, BuildSecret } from '../../../src/model/build.ts';
import type { Host } from '../../host.ts';
import type { LaunchOp } from '../../launcher/ops.ts';
import type { CopyStep } from '../cache-key.ts';
import type { IgnoreRules } from '../ignore-file.ts';
import type { InstructionBody } from '../instruction.ts';

/** Where files come from. */
export type SourceTree =
  /** A folder of this host: the build's context, or one that was fetched. Links are never followed out of it. */
  | { readonly kind: 'folder'; readonly path: string; readonly ignore: IgnoreRules }
  /**
   * A stage's or an image's root: absolute paths of layer folders, topmost first (overlay's order); none: it is empty.
   * `key` names the contents: equal keys, equal files, so what was hashed once need not be again.
   */
  | { readonly kind: 'layers'; readonly layers: readonly string[]; readonly key: string };

/** How a program of the launcher reaches the root of the step: these operations open it as slot 0, as engine/files does. */
export interface BuildRoot {
  readonly reach: readonly LaunchOp[];
}

/** What all of a build share. */
export interface CopyServices {
  readonly host: Host;
  /** Exists, is this build's own, and is removed after it: for what is fetched or spooled. Same file system as the image store. */
  readonly scratch: string;
  readonly secrets: readonly BuildSecret[];
  readonly ssh: readonly { readonly id: string; readonly path?: string }[];
  /** Seconds since 1970: no time of a file is younger. */
  readonly sourceDateEpoch?: number;
  readonly signal: AbortSignal;
  /** Bytes that were read or fetched so far. */
  readonly onProgress?: (what: string, bytes: number, total?: number) => void;
}

/** A context that was brought here. */
export interface OpenContext {
  readonly folder: string;
  /**
   * A text in it (the Dockerfile, .dockerignore), links followed inside of it only; undefined: not there. Absolute paths are the
   * host's where the context is a folder of it. At most 1 MiB.
   */
  readText(path: string): Promise<string | undefined>;
  /** An http context that is no archive is the Dockerfile itself. */
  readonly dockerfile?: string;
}

/** Not `image`, which is the executor's. Throws TcomposeError, with what to do. */
export type OpenContextFn = (
  services: CopyServices,
  context: Exclude<BuildContext, { kind: 'image' }>,
) => Promise<OpenContext>;

export interface CopyRequest {
  /** Expanded. Flags that name stages and owners are the executor's. */
  readonly body: Extract<InstructionBody, { kind: 'COPY' | 'ADD' }>;
  /** Of relative sources: the context, or what --from says. */
  readonly from: SourceTree;
  /** Absolute. A slash at its end means a folder, and is kept. */
  readonly target: string;
}

export interface CopyJob {
  /** For the cache key: all that the layer depends on, besides the layers below and the owner. */
  readonly step: Omit<CopyStep, 'owner' | 'link'>;
  /** May be called once. Resolves when all is written. `owner`: of everything that is made; absent: 0:0 (COPY), as the archive says (unpacked). */
  put(root: BuildRoot, owner: { readonly uid: number; readonly gid: number } | undefined): Promise<void>;
}

/** Sources that are not there, patterns that match nothing, … throw TcomposeError; the executor adds the instruction's place. */
export type GatherFn = (services: CopyServices, request: CopyRequest) => Promise<CopyJob>;
