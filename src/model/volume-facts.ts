/** What copies of volumes are told and tell. */

export interface VolumeCopyOptions {
  /** Running containers that mount the source stand still meanwhile. */
  readonly pause: boolean;
  readonly signal?: AbortSignal;
  /** Before the first byte. */
  readonly onBegin?: (facts: VolumeCopyFacts) => void;
  /** Bytes written so far, a few times a second; never called where blocks are shared. */
  readonly onProgress?: (bytes: number) => void;
}

export interface VolumeCopyFacts {
  /** On the disk: holes do not count, a file of several names counts once. */
  readonly bytes: number;
  /** Files, folders and all the rest. */
  readonly files: number;
  /** Nothing is copied: the file system lets both have the same blocks until one of them is written to. */
  readonly sharesBlocks: boolean;
  /** Containers that go on writing meanwhile. */
  readonly running: readonly string[];
}

/** `path` is relative to the volume; '.' is the volume's own folder. */
export interface VolumeChange {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** Of what changed: `type`, `content`, `mode`, `owner`, `link`, `device`, `names` (hard links). */
  readonly what: readonly string[];
}

/** A text of a secret or config, or the host's file that has it. */
export type ProvidedText = Uint8Array | { readonly file: string };
