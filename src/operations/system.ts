/** What this host offers and what is lying about, for `tcompose system doctor`. */
import type { Finding, Leftover } from '../model/engine.ts';
import type { LiveContainer } from '../model/live.ts';
import { isLost } from '../plan/inputs.ts';
import { projectOf } from '../plan/labels.ts';
import type { Context } from './context.ts';
import { filesOf } from './ls.ts';

export interface DoctorReport {
  readonly findings: readonly Finding[];
  readonly leftovers: readonly Leftover[];
  /** The leftovers were removed. */
  readonly fixed: boolean;
}

export async function doctor({ engine }: Context, options: { readonly fix?: boolean } = {}): Promise<DoctorReport> {
  const [host, leftovers, { containers }] = await Promise.all([
    engine.system.doctor(),
    engine.system.leftovers(),
    engine.snapshot({ networkDamage: false }),
  ]);
  const findings = [...host, ...lostProjects(containers)];
  const fixed = options.fix === true && leftovers.length > 0;
  if (fixed) await engine.system.fix(leftovers);
  return { findings, leftovers, fixed };
}

/**
 * Projects that were neither stopped nor removed, and have nobody who watches their containers: networks and control groups stay for as
 * long as nobody says what is to become of them. They belong to something, so they are no leftovers.
 */
function lostProjects(containers: readonly LiveContainer[]): readonly Finding[] {
  const lost = new Map<string, LiveContainer[]>();
  for (const live of containers.filter(isLost)) {
    const name = projectOf(live);
    if (name !== undefined) lost.set(name, [...(lost.get(name) ?? []), live]);
  }
  return [...lost].map(([name, members]) => ({
    topic: `project ${name}`,
    level: 'warning',
    what: `the supervisors of its containers are gone: ${members.map((live) => live.name).join(', ')}`,
    help: `start it again, from ${filesOf(members) || 'its files'}:\n    tcompose up -d\nor remove it:\n    tcompose -p ${name} down`,
  }));
}
