/** Waits for what a container shall become: every change comes from its supervisor, nothing is asked twice. */
import type { ContainerChange } from '../../src/model/engine.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Host } from '../host.ts';
import { readContainerRecords } from '../state/container-records.ts';
import { containerRun } from '../state/paths.ts';
import type { ContainerRecord } from '../state/records.ts';
import { SupervisorGone, watch } from '../supervise/control.ts';
import { liveContainer } from './runtime.ts';
import { noSuchContainer } from './unknown.ts';

export type AwaitCondition = 'started' | 'healthy' | 'completed';

const recordOf = (host: Host, name: string): ContainerRecord | undefined =>
  readContainerRecords(host.paths).find((record) => record.name === name);

/** The present state first. Ends with the supervisor, with the abort, or when the container is removed. */
export async function* watchContainer(host: Host, name: string, signal?: AbortSignal): AsyncGenerator<ContainerChange> {
  const record = recordOf(host, name);
  if (record === undefined) throw noSuchContainer(name);
  let last = '';
  const changed = (change: ContainerChange): boolean => {
    const before = last;
    last = JSON.stringify(change);
    return last !== before;
  };
  try {
    for await (const { status, health, exitCode, restartCount } of watch(containerRun(host.paths, record.id), signal)) {
      const change: ContainerChange = { status, health, exitCode, restartCount };
      if (changed(change)) yield change;
    }
  } catch (error) {
    if (!(error instanceof SupervisorGone)) throw error;
  }
  // It may have ended before or without a last word.
  const { status, health, exitCode, restartCount } = liveContainer(host.paths, record);
  const end: ContainerChange = { status, health, exitCode, restartCount };
  if (!signal?.aborted && changed(end)) yield end;
}

/** Resolves when the condition holds (`started`: for half a second, or it has done its work); throws when it no longer can. */
export async function awaitContainer(
  host: Host,
  name: string,
  condition: AwaitCondition,
  signal?: AbortSignal,
): Promise<void> {
  let last: ContainerChange | undefined;
  const stop = new AbortController();
  const abort = () => stop.abort();
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  let steady: NodeJS.Timeout | undefined;
  try {
    for await (const change of watchContainer(host, name, stop.signal)) {
      last = change;
      if (holds(change, condition)) return;
      clearTimeout(steady);
      steady = condition === 'started' && isUp(change) ? setTimeout(abort, STEADY_MS) : undefined;
      const problem = neverWill(name, change, condition);
      if (problem !== undefined) throw problem;
    }
  } finally {
    clearTimeout(steady);
    signal?.removeEventListener('abort', abort);
    stop.abort();
  }
  if (signal?.aborted) throw signal.reason;
  if (steady !== undefined && last !== undefined && isUp(last)) return;
  throw failure(name, last, `is ${last?.status ?? 'gone'}`);
}

function holds({ status, health, exitCode }: ContainerChange, condition: AwaitCondition): boolean {
  if (condition === 'completed') return status === 'exited' && exitCode === 0;
  if (condition === 'healthy') return status === 'running' && health === 'healthy';
  return status === 'exited' && exitCode === 0;
}

/** One that cannot run shows it by ending: docker compose looks after this time, too. */
const STEADY_MS = 500;

const isUp = ({ status }: ContainerChange): boolean => status === 'running' || status === 'paused';

function neverWill(name: string, change: ContainerChange, condition: AwaitCondition): TcomposeError | undefined {
  const { status, health, exitCode } = change;
  if (status === 'exited' || status === 'dead') return failure(name, change, `exited (${exitCode})`);
  if (status === 'created') return failure(name, change, 'was never started');
  if (condition !== 'healthy' || status !== 'running') return undefined;
  if (health === 'unhealthy') return failure(name, change, 'is unhealthy');
  if (health !== 'none') return undefined;
  return new TcomposeError(`container ${name} has no health check`, {
    code: 'healthcheck-missing',
    address: `container/${name}`,
    help: 'give it one, or depend on it with condition: service_started',
  });
}

const failure = (name: string, change: ContainerChange | undefined, what: string) =>
  new TcomposeError(`container ${name} ${what}`, {
    code: change?.health === 'unhealthy' ? 'container-unhealthy' : 'container-exited',
    address: `container/${name}`,
    help: 'its log may tell why',
  });
