/** What the supervisor of a container is told, from the container's record and what this host is like. */
import type { DesiredContainer } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { logPath } from '../logs/log-files.ts';
import type { HealthNumbers, SupervisorSpec } from '../supervise/spec.ts';
import type { CgroupPlan } from './cgroup.ts';
import { type ContainerPlan, joinProgram, setupProgram, startProgram } from './program.ts';
import { signalNumber } from './signals.ts';

export function supervisorSpec(
  id: string,
  folder: string,
  container: DesiredContainer,
  plan: ContainerPlan,
): SupervisorSpec {
  const health = healthOf(container);
  const probe = container.healthcheck?.test ?? [];
  return {
    id,
    setup: setupProgram(plan),
    start: startProgram(plan),
    probe:
      health === undefined
        ? []
        : joinProgram({ pid: 0, startTime: '' }, { ...plan.process, argv: probe }, plan.cgroup, {
            terminal: false,
            ownsStreams: true,
          }),
    restart: container.restart,
    ...(health === undefined ? {} : { health }),
    stop: { signal: signalNumber(container.stop.signal), graceMs: container.stop.graceMs },
    log: { ...logOf(container.log), path: logPath(folder, id) },
    tty: container.tty,
    stdinOpen: container.stdinOpen,
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

/** `local` keeps less on disk elsewhere; here both are the same file. What ships logs away is refused by name. */
export function logOf({
  driver,
  options,
}: DesiredContainer['log']): Pick<SupervisorSpec['log'], 'driver' | 'maxBytes' | 'maxFiles'> {
  if (driver === 'none') return { driver: 'none', maxBytes: 0, maxFiles: 1 };
  if (driver !== 'json-file' && driver !== 'local' && driver !== '') {
    throw new TcomposeError(`there is no log driver ${driver} here`, {
      code: 'log-driver-unsupported',
      help: 'use json-file, local or none',
    });
  }
  const isLocal = driver === 'local';
  const maxBytes = parseSize(options['max-size'] ?? (isLocal ? '20m' : '-1'));
  const maxFiles = Number(options['max-file'] ?? (isLocal ? '5' : '1'));
  if (Number.isInteger(maxFiles) && maxFiles >= 1) return { driver: 'json-file', maxBytes, maxFiles };
  throw new TcomposeError(`max-file cannot be "${options['max-file']}"`, {
    code: 'log-option-invalid',
    help: 'use a whole number from 1 on',
  });
}

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

function parseSize(text: string): number {
  if (text === '-1') return 0;
  const [, digits, unit] = /^([0-9]+(?:\.[0-9]+)?) ?([bkmg]?)b?$/i.exec(text) ?? [];
  if (digits !== undefined) return Math.round(Number(digits) * UNITS[(unit ?? '').toLowerCase()]!);
  throw new TcomposeError(`max-size cannot be "${text}"`, {
    code: 'log-option-invalid',
    help: 'use a number with k, m or g: 10m',
  });
}
