/** What the schema cannot say: rules that look at several places of the merged model. All of them run; each reports all it finds. */
import type { Findings } from '../load/findings.ts';
import type { MapNode } from '../load/tree.ts';
import { checkCycles } from './rules/cycles.ts';
import { checkNetworks } from './rules/networks.ts';
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
  /** The keys that the services have: what none of them has is not asked about for each. */
  readonly used: ReadonlySet<string>;
}

export function checkRules(project: Omit<RuleContext, 'used'>): void {
  const used = new Set<string>();
  for (const { value } of project.services.entries.values())
    if (value.kind === 'map') for (const key of value.entries.keys()) used.add(key);
  const context = { ...project, used };
  checkResources(context);
  checkNetworks(context);
  checkServices(context);
  checkValues(context);
  checkReferences(context);
  checkPorts(context);
  checkCycles(context);
}
