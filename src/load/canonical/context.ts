/** What a rule from short to long form is given. */
import type { Findings } from '../findings.ts';
import type { SpecNode } from '../tree.ts';

export interface CanonicalContext {
  readonly findings: Findings;
  /** `service web`: how messages name what is being read. */
  readonly owner: string;
  /** `config --no-interpolate`: what still holds a ${…} may not parse, and is left as written. */
  readonly lenient: boolean;
}

/** Gives the long form; undefined where the value was reported and has to go. */
export type CanonicalRule = (node: SpecNode, context: CanonicalContext) => SpecNode | undefined;

/** A rule for an item of a list, which may become several. */
export type CanonicalItems = (node: SpecNode, context: CanonicalContext) => readonly SpecNode[];

/** Left as written because variables in it were not filled in. */
export function isUnresolved(text: string, context: CanonicalContext): boolean {
  return context.lenient && text.includes('$');
}
