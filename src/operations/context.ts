/** What every operation is given: nothing is global, so that a CLI, an API and a loop can share one process. */
import type { Engine } from '../model/engine.ts';
import type { Emit } from '../model/events.ts';
import type { Project } from '../model/project.ts';

export interface Context {
  readonly engine: Engine;
  readonly emit: Emit;
  /** Aborted on the first Ctrl-C: nothing new is begun, what runs is finished. */
  readonly signal: AbortSignal;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Of tcompose, for the label com.docker.compose.version. */
  readonly version: string;
  /** For files that the project names and the engine needs the text of (seccomp profiles). */
  readonly readText?: (path: string) => Promise<string>;
  /** For secrets and configs; undefined: no regular file, or a large one (1 MiB), which is mounted without being looked at. */
  /** SHA-256 of the salt and the bytes of a regular file of any size, hexadecimal; undefined: there is no such file. */
  readonly digestFile?: (path: string, salt: string) => Promise<string | undefined>;
  readonly readSmall?: (path: string) => Promise<Uint8Array | undefined>;
}

/** A loaded project; or, where no file was found, only its name: the labels of what lives tell the rest. */
export interface Target {
  readonly name: string;
  readonly project?: Project;
}
