/** What a tree is bound to, and how. */
import type { Findings } from './findings.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface Binding {
  readonly findings: Findings;
  /** Keep x-* keys of structures; Compose's JSON leaves them out below the top level. */
  readonly extensions: boolean;
  /** YAML leaves out what JSON prints always: `command: null`, `ipam: {}`. */
  readonly always: boolean;
  /** `config --no-interpolate`: what still holds a ${…} stays text. */
  readonly lenient: boolean;
}
