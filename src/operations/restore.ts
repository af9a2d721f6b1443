/** Starts what was meant to run when the host went down, in all projects of the instance. */
import { TcomposeErrors } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import { projectOf } from '../plan/labels.ts';
import { comesBack, planRestore } from '../plan/restore.ts';
import { carryOut } from './carry-out.ts';
import type { Context } from './context.ts';

/** A project that another command is changing is left to that command; the others come back all the same. */
export async function restore(context: Context): Promise<Plan> {
  const { engine } = context;
  const before = await engine.snapshot();
  const concerned = new Set(before.containers.filter(comesBack).map((live) => projectOf(live) ?? ''));
  const locks: { release(): Promise<void> }[] = [];
  const refused: Error[] = [];
  const projects = new Set<string>();
  try {
    for (const project of [...concerned].sort()) {
      try {
        // Containers that belong to no project are made by programs, which lock nothing.
        if (project !== '') locks.push(await engine.lock(project, 'system restore'));
        projects.add(project);
      } catch (error) {
        refused.push(error as Error);
      }
    }
    const plan = planRestore(projects.size > 0 ? await engine.snapshot() : before, projects);
    await carryOut(context, plan);
    if (refused.length > 0) throw refused.length === 1 ? refused[0] : new TcomposeErrors(refused);
    return plan;
  } finally {
    await Promise.all(locks.map((lock) => lock.release()));
  }
}
