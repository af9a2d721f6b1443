/** Freezes and thaws all processes of a container: its supervisor tells the kernel, and here is waited until all have come to a halt. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { TcomposeError } from '../../src/model/errors.ts';
import type { Host } from '../host.ts';
import { containerRun } from '../state/paths.ts';
import type { ContainerRecord } from '../state/records.ts';
import { pause, SupervisorGone, unpause } from '../supervise/control.ts';
import { cgroupPlace } from './resources/cgroup.ts';
import { readRuntime } from './runtime.ts';
import { notRunning } from './stop.ts';
import { freezerWords } from './supervisor-spec.ts';
import { noSuchContainer } from './unknown.ts';

type Failures = ReadonlyMap<string, Error>;

/** As long as runc waits. */
const PATIENCE_MS = 10_000;

export const pauseContainers = (host: Host, names: readonly string[]): Promise<Failures> =>
  forEach(host, names, async (record) => {
    const { status, supervisor } = readRuntime(host.paths, record);
    if (status === 'restarting') throw restarting(record.name);
    if (supervisor === undefined) throw notRunning(record.name);
    await tell(record.name, pause(containerRun(host.paths, record.id)));
    await frozen(host, record);
  });

export const unpauseContainers = (host: Host, names: readonly string[]): Promise<Failures> =>
  forEach(host, names, async (record) => {
    if (readRuntime(host.paths, record).supervisor === undefined) throw notRunning(record.name);
    await tell(record.name, unpause(containerRun(host.paths, record.id)));
  });

async function forEach(
  host: Host,
  names: readonly string[],
  act: (record: ContainerRecord) => Promise<void>,
): Promise<Failures> {
  const failed = new Map<string, Error>();
  const { containers } = await host.records();
  await Promise.all(
    names.map(async (name) => {
      try {
        const record = containers.find((one) => one.name === name);
        if (record === undefined) throw noSuchContainer(name);
        await act(record);
      } catch (error) {
        failed.set(name, error as Error);
      }
    }),
  );
  return failed;
}

async function tell(name: string, request: Promise<void>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (error instanceof SupervisorGone || (error as { errno?: number }).errno === EAGAIN) throw notRunning(name);
    throw unfreezable(name, error);
  }
}

const EAGAIN = 11;

/** A process that forks all the time can keep version 1 from it: there the word has to be said again. */
async function frozen(host: Host, record: ContainerRecord): Promise<void> {
  const [{ cgroups }, instance] = await Promise.all([host.facts(), host.instance()]);
  const [path = '', word = ''] = freezerWords(cgroupPlace(cgroups, instance, record));
  const run = containerRun(host.paths, record.id);
  for (const end = performance.now() + PATIENCE_MS; !isFrozen(path, word); await sleep(5)) {
    if (readRuntime(host.paths, record).status !== 'paused') return;
    if (performance.now() < end) continue;
    await unpause(run).catch(() => undefined);
    throw unfreezable(record.name, undefined);
  }
}

function isFrozen(path: string, word: string): boolean {
  try {
    if (path.endsWith('cgroup.freeze'))
      return readFileSync(path.replace(/freeze$/, 'events'), 'utf8').includes('frozen 1');
    // Read as FREEZING it is tried again by the kernel at each look.
    return readFileSync(path, 'utf8').trim() === word;
  } catch {
    return true; // The container has ended, and its group with it.
  }
}

const restarting = (name: string) =>
  new TcomposeError(`container ${name} is restarting, wait until the container is running`, {
    code: 'container-restarting',
    address: `container/${name}`,
  });

const unfreezable = (name: string, cause: unknown) =>
  new TcomposeError(`container ${name} cannot be paused: the kernel does not freeze it`, {
    code: 'container-unfreezable',
    address: `container/${name}`,
    help: 'a process hangs in the kernel, perhaps in input or output that never comes: see "ps -eo pid,stat,wchan,args"',
    ...(cause === undefined ? {} : { cause }),
  });

export const isPaused = (name: string): TcomposeError =>
  new TcomposeError(`container ${name} is paused, unpause the container before exec`, {
    code: 'container-paused',
    address: `container/${name}`,
    help: 'unpause it:\n    tcompose unpause',
  });
