/** The part of the engine's port that is about images: what they are, and what may be asked of their store. */
import type { BuildRequest, Built } from './build.ts';
import type { Pulled, PullOptions, Pushed, PushOptions } from './pull.ts';

export interface ImageConfig {
  readonly env: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly user: string;
  readonly workingDir: string;
  readonly volumes: readonly string[];
  /** `80/tcp` */
  readonly exposedPorts: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  /** Durations in nanoseconds, as images store them; 0 or absent: default. */
  readonly healthcheck?: {
    readonly test: readonly string[];
    readonly interval?: number;
    readonly timeout?: number;
    readonly startPeriod?: number;
    readonly startInterval?: number;
    readonly retries?: number;
  };
  readonly shell?: readonly string[];
}

export interface ImageInfo {
  /** Digest of the configuration, `sha256:…`. */
  readonly id: string;
  /** Normalised: `docker.io/library/nginx:1.27`; familiar forms are for printing. */
  readonly tags: readonly string[];
  /** Names with the digests that registries have it by: `docker.io/library/nginx@sha256:…`. */
  readonly digests?: readonly string[];
  readonly createdAt: string;
  /** When it was last brought in or found unchanged in its registry. */
  readonly pulledAt?: string;
  readonly os: string;
  readonly architecture: string;
  readonly config: ImageConfig;
  /** Digests of the uncompressed layers, lowest first. */
  readonly layers: readonly string[];
  readonly sizeBytes: number;
  /** The configuration as stored, for inspect. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Of an image that is yet to be pulled or built; `…` stands for a command that only it knows. */
export const UNKNOWN_IMAGE: ImageInfo = {
  id: '',
  tags: [],
  createdAt: '',
  os: 'linux',
  architecture: '',
  config: { env: [], cmd: ['…'], user: '', workingDir: '', volumes: [], exposedPorts: [], labels: {} },
  layers: [],
  sizeBytes: 0,
  raw: {},
};

export interface LoadedImage extends ImageInfo {
  /** Full references that its archive gives it. */
  readonly names: readonly string[];
  /** Images that had one of these names before. */
  readonly displaced: readonly { readonly name: string; readonly id: string }[];
}

export interface Images {
  /** By name, name:tag, name@digest, id or unambiguous prefix of an id. */
  find(ref: string): Promise<ImageInfo | undefined>;
  list(): Promise<readonly ImageInfo[]>;
  /** A root filesystem tar (plain, gzip or zstd), one layer. `changes`: Dockerfile instructions as `docker import --change`. */
  import(
    source: NodeJS.ReadableStream,
    ref: string | undefined,
    options: { changes: readonly string[]; message?: string; onProgress?: (bytes: number) => void },
  ): Promise<ImageInfo>;
  /** A `docker save` archive or an OCI layout (a tar as a stream or a file's path, or a folder's path). Returns what was loaded. */
  load(
    source: NodeJS.ReadableStream | { readonly folder: string } | { readonly file: string },
    options?: { onProgress?: (bytes: number) => void },
  ): Promise<readonly LoadedImage[]>;
  /** From its registry, unpacked and tagged; `name@digest` finds it afterwards. All of it or nothing. */
  pull(ref: string, options?: PullOptions): Promise<Pulled>;
  /** To its registry, under the tag that it has here. What the registry has is not sent again. */
  push(ref: string, options?: PushOptions): Promise<Pushed>;
  /** As a `docker save` archive that is an OCI layout, too. What is not there is an error before the stream. */
  save(refs: readonly string[]): Promise<NodeJS.ReadableStream>;
  /** Its merged files: a tar archive, or put into `folder` (made where it is not there), where they belong to who asks. */
  files(ref: string, folder?: string): Promise<NodeJS.ReadableStream | undefined>;
  /** From a Dockerfile. A step that fails is an error whose place is the line of the Dockerfile; half an image is never kept. */
  build(request: BuildRequest): Promise<Built>;
  /** Untags; deletes layers that nothing uses. Refuses while a container uses it, unless forced. */
  remove(
    ref: string,
    options: { force: boolean },
  ): Promise<{ untagged: readonly string[]; deleted: readonly string[] }>;
  tag(ref: string, as: string): Promise<void>;
  /** What the store takes on the disk. */
  usage(): Promise<StoreUsage>;
  /** What builds have made before and no image has; `unusedSinceMs` (of 1970): only what was not used since. */
  pruneCache(options?: {
    readonly unusedSinceMs?: number;
  }): Promise<{ readonly entries: number; readonly bytes: number }>;
}

export interface StoreUsage {
  /** Bytes of each layer of an image, by its diff id. */
  readonly layers: ReadonlyMap<string, number>;
  /** Of what no image has. */
  readonly cache: { readonly entries: number; readonly bytes: number };
}
