/** What is left out of a project, a service that no profile wants or a network that nobody uses: a wrong value in it is wrong all the same. */
import { checkStruct } from './check-values.ts';
import type { Findings } from './findings.ts';
import { projectShape } from './shapes.ts';
import { type MapNode, map } from './tree.ts';

export interface LeftOut {
  readonly disabled: MapNode;
  readonly findings: Findings;
  readonly lenient: boolean;
}

/** Before anything is left out; what stays is looked at again when it is bound, and told once. */
export function checkLeftOut(model: MapNode, { disabled, findings, lenient }: LeftOut): void {
  const resources = map(model.mark, model.entries);
  resources.entries.delete('name');
  resources.entries.set('services', { key: model.mark, value: disabled });
  const quiet: Findings = { ...findings, error: findings.error, warn: () => {} };
  checkStruct(resources, projectShape, [], { findings: quiet, extensions: false, always: false, lenient });
}
