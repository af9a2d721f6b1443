/** Pulling and pushing an image: what may be asked for, what is told on the way, and what came of it. */
import type { ImageInfo } from './engine.ts';

export interface PullOptions {
  /** `os/architecture[/variant]`; absent: this host's. */
  readonly platform?: string;
  readonly onProgress?: (progress: PullProgress) => void;
  /** Aborted: the pull ends with the code `interrupted`, and nothing of it is kept. */
  readonly signal?: AbortSignal;
}

/** `exists`: the registry had it; `mounted`: it took it over from another repository of its own. */
export type PushState = 'preparing' | 'pushing' | 'exists' | 'mounted' | 'pushed';

/** Of one layer. */
export interface PullProgress {
  /** Digest of the layer as the registry has it; in a push the beginning of its diff id. */
  readonly layer: string;
  /** `present`: the store had it already. */
  readonly state: 'waiting' | 'pulling' | 'present' | 'done' | PushState;
  readonly bytes: number;
  /** Bytes, as the registry has it; in a push of its tar. */
  readonly total: number;
}

export interface PushOptions {
  readonly onProgress?: (progress: PullProgress) => void;
  readonly signal?: AbortSignal;
}

export interface Pushed {
  /** Of the manifest. */
  readonly digest: string;
  readonly size: number;
}

export interface Pulled {
  readonly image: ImageInfo;
  /** What the name means in its registry: of an index where there is one. */
  readonly digest: string;
  /** false: the store had this very image under this name. */
  readonly isNew: boolean;
}
