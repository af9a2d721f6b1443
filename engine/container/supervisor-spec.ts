/** What the supervisor of a container is told, from the container's record and what this host is like. */
import type { DesiredContainer } from '../../src/model/desired.ts';
import type { HealthNumbers, LogSpec, SupervisorSpec } from '../supervise/spec.ts';
import { mappedStartProgram } from './isolation/mapped-program.ts';
import { type ContainerPlan, joinProgram, setupProgram, startProgram } from './program.ts';
import type { CgroupPlan } from './resources/cgroup.ts';
import { signalNumber } from './signals.ts';

export function supervisorSpec(
  id: string,
  folder: string,
  container: DesiredContainer,
  plan: ContainerPlan,
  log: LogSpec,
): SupervisorSpec {
  const health = healthOf(container);
  const probe = container.healthcheck?.test ?? [];
  return {
    id,
    setup: setupProgram(plan),
    start: plan.user === undefined ? startProgram(plan) : mappedStartProgram(plan, plan.user),
    probe:
      health === undefined
        ? []
        : joinProgram({ pid: 0, startTime: '' }, { ...plan.process, argv: probe }, plan.cgroup, {
            terminal: false,
            ownsStreams: true,
            ids: plan.user?.ids,
          }),
    restart: container.restart,
    ...(health === undefined ? {} : { health }),
    stop: { signal: signalNumber(container.stop.signal), graceMs: container.stop.graceMs },
    log,
    tty: container.tty,
    stdinOpen: container.stdinOpen,
    foreground: container.foreground === true,
    cgroups: [...plan.cgroup.folders].reverse(),
    oomCounter: oomCounter(plan.cgroup),
    freezer: freezerWords(plan.cgroup),
    exitPath: `${folder}/exit`,
  };
}

/** Version 1 counts in the memory hierarchy; version 2 only where it has the controller. */
function oomCounter({ folders, unified }: CgroupPlan): string {
  const memory = folders.find((folder) => folder.includes('/memory/'));
  if (memory !== undefined) return `${memory}/memory.oom_control`;
  return unified === undefined || folders.length > 1 ? '' : `${unified}/memory.events`;
}

/** Version 2 wherever it is mounted: it freezes without any controller. */
export function freezerWords({ folders, unified }: CgroupPlan): readonly string[] {
  if (unified !== undefined) return [`${unified}/cgroup.freeze`, '1', '0'];
  const legacy = folders.find((folder) => folder.includes('/freezer/'));
  return legacy === undefined ? [] : [`${legacy}/freezer.state`, 'FROZEN', 'THAWED'];
}

function healthOf({ healthcheck }: DesiredContainer): HealthNumbers | undefined {
  if (healthcheck === undefined || healthcheck.test.length === 0) return undefined;
  const { intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries } = healthcheck;
  return { intervalMs, timeoutMs, startPeriodMs, startIntervalMs, retries };
}
