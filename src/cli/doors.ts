/** What the command line needs from the rest of the program, handed in by main.ts: so that tests can hand in doubles. */

import type { Diagnostic } from '../model/diagnostic.ts';
import type { Engine } from '../model/engine.ts';
import type { Loaded } from '../model/project.ts';
import type { Accounts, Registry } from '../model/registry.ts';
import type { Remotes } from '../model/remote.ts';

/** Frames for people, an array for programs, or annotation lines for GitHub. */
export type FindingsFormat = 'human' | 'json' | 'github';

export interface Doors {
  readonly version: string;
  /** Absolute path of bin/tcompose, for messages that can be pasted. */
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: () => string;
  readonly isRoot: () => boolean;
  /** Errors from callbacks that nobody awaits: bugs, to be told like bugs, not with a page of the bundle. */
  onStray?(listener: (error: unknown) => void): void;
  openEngine(paths: { readonly root: string; readonly run: string }): Promise<Engine>;
  openRegistry(signal: AbortSignal): Promise<Registry>;
  openAccounts(signal: AbortSignal): Promise<Accounts>;
  /** Absent: files named by addresses are mistakes. */
  readonly remotes?: Remotes;
  load(wish: LoadWish): Promise<Loaded>;
  renderDiagnostics(
    diagnostics: readonly Diagnostic[],
    options: { readonly colors: boolean; readonly cwd: string; readonly format: FindingsFormat },
  ): Promise<string>;
}

/** Which project is meant, and how much of loading is done. */
export interface LoadWish {
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly files: readonly string[];
  readonly projectName?: string;
  readonly projectDirectory?: string;
  readonly profiles: readonly string[];
  readonly envFiles: readonly string[];
  /** Services named on the command line: they bring their profiles. */
  readonly services: readonly string[];
  /** Networks and volumes that no service uses, too. */
  readonly allResources: boolean;
  readonly remotes?: Remotes;
  /** `support`: not every command is the place to repeat what this engine does not do with the files. */
  readonly skip?: { readonly support?: boolean };
}
