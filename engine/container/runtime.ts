/** What a container is doing: its supervisor's word, believed as far as the kernel bears it out. */

import { join } from 'node:path';
import type { ContainerStatus, HealthStatus, LiveContainer } from '../../src/model/live.ts';
import { errnoMeaning } from '../launcher/errno.ts';
import { currentBoot, isThisBoot } from '../state/boot.ts';
import { readText } from '../state/files.ts';
import { containerDir, containerRun, type Paths } from '../state/paths.ts';
import { isAlive, type ProcessId } from '../state/process.ts';
import type { ContainerRecord } from '../state/records.ts';
import { parseState, type SupervisorState } from '../supervise/state-file.ts';

export interface Runtime {
  readonly status: ContainerStatus;
  /** Absent when none runs. */
  readonly process?: ProcessId;
  readonly supervisor?: ProcessId;
  /** The last words of the supervisor, whether it still lives or not. */
  readonly state?: SupervisorState;
  /** It was there and is gone without having said good-bye. Its container may run on: one that changed its user by a setuid program. */
  readonly supervisorLost: boolean;
  /** It ran when the machine went down. */
  readonly endedWithHost?: true;
}

/** Nobody saw how it ended. */
export const EXIT_UNKNOWN = 255;
const NOBODY: ProcessId = { pid: 0, startTime: '0' };
const NEVER_RAN: Omit<SupervisorState, 'id'> = {
  supervisor: NOBODY,
  status: 'exited',
  init: NOBODY,
  exitCode: EXIT_UNKNOWN,
  oomKilled: false,
  restartCount: 0,
  health: 'none',
  failingStreak: 0,
  healthLog: [],
};

export function readRuntime(paths: Paths, record: ContainerRecord): Runtime {
  const state = isThisBoot(paths) ? readState(join(containerRun(paths, record.id), 'state')) : undefined;
  if (state !== undefined && state.supervisor.pid > 0) return runtimeOf(state);
  const ended = state ?? readState(join(containerDir(paths, record.id), 'exit'));
  const lost = state === undefined ? lostWithHost(record, ended) : undefined;
  if (lost !== undefined) return lost;
  const started = ended?.startedAt !== undefined;
  return {
    status: started ? 'exited' : 'created',
    ...(ended === undefined ? {} : { state: ended }),
    supervisorLost: false,
  };
}

/** Wanted, last started before the machine was, and nobody has seen its end. */
function lostWithHost(record: ContainerRecord, ended: SupervisorState | undefined): Runtime | undefined {
  const { wanted, lastStart } = record;
  if (!wanted || lastStart === undefined || lastStart.boot === currentBoot()) return undefined;
  if (ended?.finishedAt !== undefined && Date.parse(ended.finishedAt) >= Date.parse(lastStart.at)) return undefined;
  const { finishedAt: _, error: __, ...before } = ended ?? { ...NEVER_RAN, id: record.id };
  const state: SupervisorState = { ...before, startedAt: lastStart.at, exitCode: EXIT_UNKNOWN, oomKilled: false };
  return { status: 'exited', state, supervisorLost: false, endedWithHost: true };
}

function readState(path: string): SupervisorState | undefined {
  const text = readText(path);
  return text === undefined ? undefined : parseState(text);
}

function runtimeOf(state: SupervisorState): Runtime {
  const process = isAlive(state.init) ? state.init : undefined;
  if (!isAlive(state.supervisor)) {
    // Nobody probes it any more, whatever was found last.
    const unsupervised: SupervisorState = { ...state, health: 'none' };
    if (process !== undefined) return { status: 'running', process, state: unsupervised, supervisorLost: true };
    const status = state.startedAt === undefined ? 'created' : 'exited';
    return { status, state: { ...unsupervised, exitCode: EXIT_UNKNOWN }, supervisorLost: true };
  }
  return {
    status: state.status,
    supervisor: state.supervisor,
    state,
    supervisorLost: false,
    ...(process === undefined ? {} : { process }),
  };
}

export function isRunning(paths: Paths, record: ContainerRecord): boolean {
  return supervisorOf(paths, record) !== undefined;
}

/** Ids of those that neither run nor are meant to: nobody speaks under their addresses. */
export const idleAmong = (paths: Paths, records: readonly ContainerRecord[]): ReadonlySet<string> =>
  new Set(records.flatMap((record) => (record.wanted || isRunning(paths, record) ? [] : [record.id])));

/** It lives in the container's network namespace, for as long as that is meant to run. */
export const supervisorOf = (paths: Paths, record: ContainerRecord): ProcessId | undefined =>
  readRuntime(paths, record).supervisor;

/** Without damage: that needs a look at the network (state/snapshot.ts). */
export function liveContainer(
  paths: Paths,
  record: ContainerRecord,
  runtime = readRuntime(paths, record),
): LiveContainer {
  const { state } = runtime;
  const error =
    record.error ??
    (state?.error === undefined ? undefined : `${state.error.section} failed: ${errnoMeaning(state.error.errno)}`);
  return {
    id: record.id,
    name: record.name,
    madeFrom: record.madeFrom,
    createdAt: record.createdAt,
    status: runtime.status,
    pid: runtime.process?.pid ?? 0,
    supervisorPid: runtime.supervisor?.pid ?? 0,
    ...(state?.startedAt === undefined ? {} : { startedAt: state.startedAt }),
    ...(state?.finishedAt === undefined ? {} : { finishedAt: state.finishedAt }),
    exitCode: state?.exitCode ?? 0,
    oomKilled: state?.oomKilled ?? false,
    restartCount: state?.restartCount ?? 0,
    wanted: record.wanted,
    ...(error === undefined ? {} : { error }),
    health: healthOf(runtime),
    healthLog: state?.healthLog ?? [],
    endpoints: record.endpoints.map(({ network, mac, hostInterface, ipv4, ipv6 }) => ({
      network,
      mac,
      hostInterface,
      ...(ipv4 === undefined ? {} : { ipv4: ipv4.address, ipv4Prefix: ipv4.prefix }),
      ...(ipv6 === undefined ? {} : { ipv6: ipv6.address, ipv6Prefix: ipv6.prefix }),
    })),
    publishers: record.publishers,
    mounts: record.mounts.map(({ target, kind, source, readOnly, anonymous }) => ({
      target,
      kind,
      source,
      readOnly,
      anonymous,
    })),
    damage: [],
    ...(record.lastStart !== undefined && record.lastStart.boot !== currentBoot()
      ? { startedBeforeBoot: true as const }
      : {}),
    ...(runtime.endedWithHost ? { endedWithHost: true as const } : {}),
    ...(record.stoppedByUser ? { stoppedByUser: true as const } : {}),
  };
}

const healthOf = ({ supervisor, state }: Runtime): HealthStatus =>
  supervisor === undefined ? 'none' : (state?.health ?? 'none');
