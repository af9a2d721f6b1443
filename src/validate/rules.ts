/** What the schema cannot say: rules that look at several places of the merged model. All of them run; each reports all it finds. */
import type { Findings } from '../load/findings.ts';
import type { MapNode } from '../load/tree.ts';
import { checkCycles } from './rules/cycles.ts';
import { checkPorts } from './rules/ports.ts';
import { checkReferences } from './rules/references.ts';
import { checkResources } from './rules/resources.ts';
import { checkServices } from './rules/services.ts';
import { checkValues } from './rules/values.ts';

/** The model after merging; `services` holds the active ones only. */
export interface RuleContext {
  readonly model: MapNode;
  readonly services: MapNode;
  readonly disabled: MapNode;
  readonly findings: Findings;
  /** What is right as a file but cannot be run here is an error. */
  readonly strict: boolean;
}

export function checkRules(context: RuleContext): void {
  checkResources(context);
  checkServices(context);
  checkValues(context);
  checkReferences(context);
  checkPorts(context);
  checkCycles(context);
}
