/** Building an image from a Dockerfile: what is asked, what is told on the way, and what comes of it. */
import type { Diagnostic } from './diagnostic.ts';
import type { ImageInfo } from './engine.ts';

/** Where files of COPY and ADD come from. Relative paths are resolved by who asks. */
export type BuildContext =
  | { readonly kind: 'folder'; readonly path: string }
  /** `https://…/repo.git#ref:subfolder`, `git@…`, `git://…` */
  | { readonly kind: 'git'; readonly url: string }
  /** A tar archive, plain or compressed: `docker build - < context.tar` or an http address. */
  | { readonly kind: 'archive'; readonly path: string }
  | { readonly kind: 'http'; readonly url: string }
  /** An image of the store or a registry, under a name that FROM or --from use. */
  | { readonly kind: 'image'; readonly ref: string }
  | { readonly kind: 'empty' };

export interface BuildSecret {
  readonly id: string;
  readonly source: { readonly file: string } | { readonly env: string } | { readonly content: Uint8Array };
}

export interface BuildRequest {
  readonly context: BuildContext;
  /** A path, relative ones inside the context (a folder's may lie outside it, when absolute); or the text itself. */
  readonly dockerfile: { readonly path: string } | { readonly text: string };
  readonly target?: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Full or familiar references that the image gets. */
  readonly tags: readonly string[];
  /** Additional contexts by name. */
  readonly contexts: Readonly<Record<string, BuildContext>>;
  readonly noCache: boolean;
  /** Stages (names or numbers) whose steps are run again. */
  readonly noCacheFilter: readonly string[];
  /** Ask the registry for base images even when they are here. */
  readonly pull: boolean;
  /** `os/arch[/variant]`; absent: this host's. */
  readonly platform?: string;
  /** Of RUN: `default`, `none`, `host`, or a network of the engine's. */
  readonly network: string;
  readonly extraHosts: readonly string[];
  readonly secrets: readonly BuildSecret[];
  /** `default`, or id=path of a socket or key file. */
  readonly ssh: readonly { readonly id: string; readonly path?: string }[];
  /** Bytes. */
  readonly shmSize?: number;
  readonly ulimits: Readonly<Record<string, { readonly soft: number; readonly hard: number }>>;
  readonly privileged: boolean;
  readonly cgroupParent?: string;
  /** Seconds since 1970: the youngest time in layers and configuration. */
  readonly sourceDateEpoch?: number;
  /** Nothing is run: findings about the Dockerfile are told as events, and that is all. The image told is one without an id. */
  readonly checkOnly?: true;
  readonly signal?: AbortSignal;
  /** What a RUN prints waits for the promise. */
  readonly onEvent?: (event: BuildEvent) => void | Promise<void>;
}

/** What a plan says of a build: no texts of secrets, their salted digests; and nothing of the run that carries it out. */
export interface PlannedBuild extends Omit<BuildRequest, 'secrets' | 'signal' | 'onEvent' | 'checkOnly'> {
  readonly secrets: readonly PlannedSecret[];
}

export interface PlannedSecret {
  readonly id: string;
  readonly source: { readonly file: string } | { readonly env: string } | { readonly digest: string };
}

/** One step is one line of a Dockerfile that makes files, a base image, or a context. */
export type BuildEvent =
  | {
      readonly type: 'step';
      readonly step: BuildStepInfo;
      readonly state: 'started' | 'cached' | 'done' | 'failed' | 'canceled';
      /** Of `done` and `failed`. */
      readonly elapsedMs?: number;
      /** Why it failed: one line. */
      readonly error?: string;
    }
  /** What a RUN prints, as it comes: not cut at line ends. */
  | { readonly type: 'output'; readonly step: string; readonly stream: 'stdout' | 'stderr'; readonly bytes: Uint8Array }
  /** `what`: a layer's digest, a file. */
  | {
      readonly type: 'progress';
      readonly step: string;
      readonly what: string;
      readonly bytes: number;
      readonly total?: number;
    }
  | { readonly type: 'finding'; readonly finding: Diagnostic };

export interface BuildStepInfo {
  /** Unique in this build. */
  readonly id: string;
  /** `[builder 2/5] RUN make`, `[internal] load build context`, `exporting to image`: BuildKit's words. */
  readonly title: string;
  readonly stage?: string;
}

export interface Built {
  readonly image: ImageInfo;
  /** All steps came from the cache, and the store had the image. */
  readonly isNew: boolean;
}
