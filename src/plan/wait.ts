/** `--wait`: what others wait to see completed is awaited so, what has a health check until healthy, the rest until it runs. */
import type { Dependencies } from './dependencies.ts';
import type { Draft } from './draft.ts';
import { startedStep } from './hooks.ts';
import { isActive } from './inputs.ts';
import type { Member } from './order.ts';
import { requested } from './reasons.ts';

type Condition = 'started' | 'healthy' | 'completed';

export function addFinalWaits(draft: Draft, members: Iterable<Member>, dependencies: Dependencies): void {
  const jobs = new Set<string>();
  for (const needs of dependencies.values()) {
    for (const need of needs) if (need.condition === 'service_completed_successfully') jobs.add(need.service);
  }
  for (const member of members) {
    const { container, service } = member;
    const condition = jobs.has(service) ? 'completed' : container.healthcheck ? 'healthy' : 'started';
    const steps = [startedStep(draft, container), `container.repair ${container.name}`].filter(
      (id): id is string => id !== undefined && draft.has(id),
    );
    if (steps.length === 0 && isSettled(member, condition)) continue;
    draft.add(
      { kind: 'container.await', container: container.name, condition, required: true },
      [requested('--wait')],
      steps,
    );
  }
}

function isSettled({ live }: Member, condition: Condition): boolean {
  if (!live) return false;
  if (!isActive(live)) return live.exitCode === 0;
  return condition === 'started' ? live.status === 'running' : condition === 'healthy' && live.health === 'healthy';
}
