/** Plans that freeze and thaw containers. In no order: whoever waits for a frozen one waits until it goes on. */
import type { LiveContainer } from '../model/live.ts';
import type { Plan } from '../model/plan.ts';
import { newDraft } from './draft.ts';
import { requested } from './reasons.ts';

export function planPause({
  project,
  containers,
  verb,
}: {
  readonly project: string;
  readonly containers: readonly LiveContainer[];
  readonly verb: 'pause' | 'unpause';
}): Plan {
  const draft = newDraft(project);
  for (const { name } of containers) draft.add({ kind: `container.${verb}`, container: name }, [requested()]);
  return draft.finish();
}
